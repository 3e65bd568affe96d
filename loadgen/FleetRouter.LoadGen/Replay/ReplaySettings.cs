using FleetRouter.LoadGen.Client;

namespace FleetRouter.LoadGen.Replay;

/// <summary>How a workload is sent, whatever it is.</summary>
internal sealed record ReplaySettings
{
    public required Target Target { get; init; }
    public Endpoint Endpoint { get; init; } = Endpoint.Chat;
    public string? ApiKey { get; init; }
    public ulong Seed { get; init; } = 1;

    /// <summary>Session starts and pauses are divided by it; above 0.</summary>
    public double Speed { get; init; } = 1;

    /// <summary>Longer answers are asked for with this length, tokens; null asks for the trace's.</summary>
    public int? MaxOutput { get; init; }

    /// <summary>Longer prompts are skipped and counted, tokens; null skips none but those above the model's own limit.</summary>
    public int? MaxInputTokens { get; init; }

    /// <summary>From a request's sending to its end.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(600);
}
