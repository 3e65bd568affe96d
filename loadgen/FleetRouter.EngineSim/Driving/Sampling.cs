namespace FleetRouter.EngineSim.Driving;

/// <summary>What of a request bounds its answer.</summary>
/// <param name="MaxTokens">Most tokens to generate; null for as many as fit.</param>
/// <param name="MinTokens">Fewest, before the answer's own end or a stop string counts.</param>
/// <param name="IgnoreEos">Whether the answer's own end is ignored.</param>
/// <param name="Stop">Strings that end the answer.</param>
internal sealed record Sampling(int? MaxTokens, int MinTokens, bool IgnoreEos, IReadOnlyList<string> Stop);
