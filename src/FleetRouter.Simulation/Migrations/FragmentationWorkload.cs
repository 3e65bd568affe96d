using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Migrations;

/// <summary>Llumnix's setting (arXiv 2406.03243): single requests by a Poisson process, lengths of prompts and answers by power laws, engines
/// whose cache holds few of them.</summary>
public static class FragmentationWorkload
{
    /// <summary>Longest prompt, and longest answer, tokens.</summary>
    private const int Longest = 6_144, Shortest = 16;

    /// <summary>Tokens an A10 with LLaMA-7B holds, as published.</summary>
    public const int KvTokens = 13_616;

    private static readonly ModelShape Llama7B = new(32, 4096, 11008, 32, 32, 128, 32_000, 13_616);

    /// <summary>LLaMA-7B on an A10: 125 TFLOPS and 600 GB/s by its data sheet, utilisations taken from the A100's; vLLM's budget of 2,048 tokens a
    /// step and 256 requests.</summary>
    public static EngineProfile Profile { get; } = new("a10-llama-7b", Llama7B, new GpuSpec("A10-24GB", 125e12, 600e9, 24e9, 0.38, 0.63), 1, 2048, 256, KvTokens);

    /// <summary>The published kinds: mean lengths of prompts and of answers, short 128, medium 256, long 512 tokens.</summary>
    public static IReadOnlyList<(string Name, int Prompt, int Answer)> Kinds { get; } =
        [("medium-medium", 256, 256), ("long-long", 512, 512), ("short-long", 128, 512), ("long-short", 512, 128)];

    /// <summary>Requests at one a second on average; their rate is set by the pace of a run.</summary>
    /// <param name="requests">How many.</param>
    /// <param name="prompt">Mean length of prompts, tokens.</param>
    /// <param name="answer">Mean length of answers, tokens.</param>
    /// <param name="seed">Seed of lengths, arrivals and texts.</param>
    public static PreparedWorkload Of(int requests, int prompt, int answer, ulong seed)
    {
        var random = new SplitMix64(SplitMix64.Combine(seed, SplitMix64.Key("fragmentation")));
        (double prompts, double answers) = (Exponent(prompt), Exponent(answer));
        ulong texts = SplitMix64.Key("fragmentation");
        var sessions = new List<TraceSession>(requests);
        TimeSpan at = TimeSpan.Zero;
        for (int i = 0; i < requests; i++)
        {
            at += TimeSpan.FromSeconds(random.Exponential(1));
            int tokens = (int)Quantile(prompts, random.NextDouble());
            sessions.Add(TraceSession.Lone(at, new BlockText(tokens, [new BlockRun(texts, i, 1)], tokens), (int)Quantile(answers, random.NextDouble())));
        }
        return PreparedWorkload.Of(sessions, seed);
    }

    /// <summary>The exponent a of the density x^-a between the shortest and the longest that has this mean.</summary>
    private static double Exponent(double mean)
    {
        double low = 0.01, high = 6;
        for (int i = 0; i < 60; i++)
        {
            double middle = (low + high) / 2;
            (low, high) = Mean(middle) > mean ? (middle, high) : (low, middle);
        }
        return low;
    }

    private static double Mean(double a) => Moment(a - 1) / Moment(a);

    /// <summary>The integral of x^-a over the range; a = 1 is met by no bisection.</summary>
    private static double Moment(double a) => (Math.Pow(Longest, 1 - a) - Math.Pow(Shortest, 1 - a)) / (1 - a);

    private static double Quantile(double a, double share) =>
        Math.Pow(Math.Pow(Shortest, 1 - a) + share * (Math.Pow(Longest, 1 - a) - Math.Pow(Shortest, 1 - a)), 1 / (1 - a));
}
