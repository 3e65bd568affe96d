using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Claims;

/// <summary>Preble (arXiv 2407.00023) against round robin, on synthetic workloads of the counts, rates and bounds that its repository
/// configures (WukLab/preble:multi_node/benchmarks/multi_exp_configs). Lengths within those bounds are made up.</summary>
public static class PrebleClaims
{
    private const string Claimed = "preble", Turns = "round-robin";

    /// <summary>Like its ToolBench: 400 tool prompts by Zipf's law of exponent 1.1 in contexts of at most 4,096 tokens, 6 to 36 requests a second.</summary>
    /// <param name="requests">Requests to make.</param>
    /// <param name="seed">Seed of everything.</param>
    public static Experiment Tools(int requests, ulong seed) => Of("Preble, tools", new ConversationWorkload
    {
        Seed = seed, Sessions = requests, SessionRate = 12, SystemPrompts = 400, SystemPromptSkew = 1.1, MeanTurns = 1, MostTurns = 1,
        SystemTokens = new LogNormalLength(1_600, 0.3, 256, 3_400), UserTokens = new LogNormalLength(250, 0.5, 20, 500), OutputTokens = new LogNormalLength(43, 0.5, 4, 96),
    }, [6, 12, 18, 24, 30, 36], seed);

    /// <summary>Like its questions about videos: 300 videos of at most 8,192 tokens, alike in popularity, answers of a few tokens, 1 to 10
    /// requests a second.</summary>
    /// <inheritdoc cref="Tools"/>
    public static Experiment Videos(int requests, ulong seed) => Of("Preble, videos", new ConversationWorkload
    {
        Seed = seed, Sessions = requests, SessionRate = 4, SystemPrompts = 300, SystemPromptSkew = 0, MeanTurns = 1, MostTurns = 1,
        SystemTokens = new LogNormalLength(7_000, 0.4, 1_000, 8_192), UserTokens = new LogNormalLength(100, 0.3, 20, 300), OutputTokens = new LogNormalLength(5, 0.3, 2, 16),
    }, [1, 2, 4, 6, 8, 10], seed);

    private static Experiment Of(string name, ConversationWorkload workload, double[] rates, ulong seed)
    {
        PreparedWorkload prepared = PreparedWorkload.Of([.. workload.Generate()], seed);
        var cell = new Cell(prepared, 4, ClaimHardware.A6000, null, Slo.Flat, seed);
        return new Experiment(name,
            FormattableString.Invariant($"synthetic; 4 instances of Mistral-7B at 0.121 ms a prompt token (A6000), {cell.KvTokens:n0} tokens of KV each; {workload.SystemPrompts} shared prompts of {workload.SystemTokens.Median:n0} tokens in the median"),
            cell, [new(Claimed, "preble"), new(Turns, "round-robin")], rates, [ClaimText.Lengths(prepared)], runs =>
        [
            ClaimFigure.Of("mean latency, over round robin", Gain.Times, (1.5, 14.5), runs.Less(run => run.MeanLatency, Claimed, Turns)),
            ClaimFigure.Of("p99 latency, over round robin", Gain.Times, (2, 10), runs.Less(run => run.LatencyP99, Claimed, Turns)),
        ]);
    }
}
