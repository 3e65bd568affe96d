namespace FleetRouter.Domain.Fleet;

/// <summary>What a pool has learned of its model and its engines, and would have to learn anew after a restart.</summary>
/// <param name="BytesPerToken">Bytes of request text a prompt token takes.</param>
/// <param name="MeanPromptTokens">Mean prompt length, tokens.</param>
/// <param name="MeanOutputTokens">Mean output length, tokens.</param>
/// <param name="PrefillTokensPerSecond">Prompt tokens an engine computes in a second, at the start of a prompt; null if none was seen to.</param>
public sealed record LearnedProfile(double BytesPerToken, double MeanPromptTokens, double MeanOutputTokens, double? PrefillTokensPerSecond);
