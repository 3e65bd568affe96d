using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.LoadGen.Demo;

/// <summary>
/// The demo's conversations and engines. Together they are chosen so that reuse decides: one engine's KV cache holds a
/// part of what all conversations need, and the fleet cannot compute every prompt anew, but can if prefixes are found.
/// </summary>
internal static class DemoWorkload
{
    /// <summary>Timing of an 8B model on an A100, about 7,400 prompt tokens a second.</summary>
    public const string EngineProfile = "a100-llama-3.1-8b";

    /// <summary>Blocks of 16 tokens in one engine's KV cache: 40,960 tokens.</summary>
    public const int KvBlocks = 2560;

    /// <summary>Engines the rates below are chosen for; other numbers scale the sessions' rate.</summary>
    public const int Engines = 8;

    public static StandIns StandIns(int engines) => new(engines, EngineProfile, KvBlocks);

    public static ConversationWorkload Conversations(int engines, TimeSpan duration, ulong seed)
    {
        var rate = 7.0 * engines / Engines;
        return new ConversationWorkload
        {
            Seed = seed,
            Sessions = Math.Max(1, (int)(rate * duration.TotalSeconds)),
            SessionRate = rate,
            SystemPrompts = 12,
            SystemPromptSkew = 0.9,
            SystemTokens = new LogNormalLength(1200, 0.35, 256, 2400),
            UserTokens = new LogNormalLength(280, 0.7, 16, 1200),
            OutputTokens = new LogNormalLength(85, 0.3, 40, 160),
            MeanTurns = 4,
            MostTurns = 6,
            MeanThinkTime = TimeSpan.FromSeconds(1.2),
            MostPromptTokens = 6000,
        };
    }

    public static List<TraceSession> Sessions(int engines, TimeSpan duration, ulong seed) => [.. Conversations(engines, duration, seed).Generate()];
}
