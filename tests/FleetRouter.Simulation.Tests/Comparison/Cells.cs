using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Tests.Comparison;

/// <summary>Small workloads and cells.</summary>
internal static class Cells
{
    public static readonly EngineProfile Profile = EngineProfile.Named("h100-llama-3.1-8b");

    /// <summary>Conversations of a few turns with a common system prompt.</summary>
    public static PreparedWorkload Conversations(int sessions = 40, ulong seed = 7) => PreparedWorkload.Of([.. new ConversationWorkload
    {
        Seed = seed, Sessions = sessions, SessionRate = 1, SystemPrompts = 2, SystemPromptSkew = 0.5,
        SystemTokens = new LogNormalLength(600, 0.2, 300, 900), UserTokens = new LogNormalLength(3000, 0.6, 200, 9000),
        OutputTokens = new LogNormalLength(40, 0.3, 8, 80), MeanTurns = 3, MostTurns = 5, MeanThinkTime = TimeSpan.FromSeconds(2), MostPromptTokens = 30_000,
    }.Generate()], seed);

    /// <summary>Requests of one turn each, a second apart.</summary>
    public static PreparedWorkload Lone(params (int Seconds, BlockRun[] Runs, int Tokens)[] requests) =>
        PreparedWorkload.Of([.. requests.Select(r => TraceSession.Lone(TimeSpan.FromSeconds(r.Seconds), new BlockText(512, r.Runs, r.Tokens), 4))], 1);

    /// <summary>Requests of one block, a second apart.</summary>
    public static PreparedWorkload Spaced(int requests) =>
        Lone([.. Enumerable.Range(0, requests).Select(i => (i, new[] { new BlockRun(1, 100 * i, 1) }, 512))]);

    public static Cell Of(PreparedWorkload workload, int instances = 2, long? kvTokens = 60_000) => new(workload, instances, Profile, kvTokens, Slo.Flat, 1);
}
