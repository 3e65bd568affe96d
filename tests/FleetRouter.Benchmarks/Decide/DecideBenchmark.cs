using System.Diagnostics;

namespace FleetRouter.Benchmarks.Decide;

/// <summary>Builds a loaded pool for each size and policy, warms all of them, then measures them in turns, so that what
/// else the machine does falls on all alike.</summary>
internal static class DecideBenchmark
{
    /// <summary>The default and the plain ones; what other routers' rules cost here says nothing about those routers.</summary>
    private static readonly string[] Policies = ["least-cost", "dual-hash", "least-load", "round-robin"];

    private static readonly int[] Sizes = [8, 64, 256, 1_000];

    /// <summary>Arrivals before the first measured one: the leases are up, the caches of the largest fleet are full, so that
    /// each prompt evicts another and nothing grows any more, and the code is compiled.</summary>
    private const int WarmUp = 50_000;

    public static DecideReport Run(int rounds, int decisions)
    {
        PromptSource prompts = PromptSource.Open();
        List<LoadedPool> pools = [.. from policy in Policies from size in Sizes select new LoadedPool(policy, size, prompts)];
        foreach (LoadedPool pool in pools)
            pool.Run(WarmUp, kept: false);
        for (int round = 0; round < rounds; round++)
            foreach (LoadedPool pool in pools)
                pool.Run(decisions, kept: true);
        return new DecideReport(prompts.Description, prompts.MeanTokens, ClockMicroseconds(), [.. pools.Select(DecideFigures.Of)]);
    }

    /// <summary>What one timed decision carries of the clock itself; it is not subtracted.</summary>
    private static double ClockMicroseconds()
    {
        const int pairs = 100_000;
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < pairs; i++)
            Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp());
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds / pairs;
    }
}
