namespace FleetRouter.Simulation.Traces;

/// <summary>Run-length coding of block ids, which mostly count up.</summary>
internal static class BlockRuns
{
    public static BlockRun[] Of(IEnumerable<long> ids, ulong space)
    {
        var runs = new List<BlockRun>();
        foreach (var id in ids) Add(runs, new BlockRun(space, id, 1));
        return [.. runs];
    }

    /// <summary>Appends a run, joined to the one before where it goes on counting.</summary>
    public static void Add(List<BlockRun> runs, BlockRun next)
    {
        if (runs.Count > 0 && runs[^1] is var last && last.Namespace == next.Namespace && last.First + last.Count == next.First)
            runs[^1] = last with { Count = last.Count + next.Count };
        else
            runs.Add(next);
    }
}
