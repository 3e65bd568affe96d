namespace FleetRouter.Benchmarks.Overhead;

/// <summary>A bound the gateway is held to.</summary>
/// <param name="Name">What is bounded, and in which cell.</param>
/// <param name="Figure">What was measured: the median over the rounds.</param>
/// <param name="Bound">The bound.</param>
/// <param name="Holds">Whether it is kept.</param>
internal sealed record Reach(string Name, double Figure, double Bound, bool Holds)
{
    /// <summary>The bounds of the cells that were measured.</summary>
    public static IReadOnlyList<Reach> Judge(IReadOnlyList<CellFigures> cells)
    {
        Reach?[] all =
        [
            AtLeast(0.85, "SSE streams/s, share of nginx's", new Cell(Answer.Sse, 16, 200), f => f.ToNginx),
            AtLeast(0.25, "unstreamed JSON req/s, share of nginx's", new Cell(Answer.Json, 16, 200), f => f.ToNginx),
            Under(120, "CPU per 1 KiB JSON request, µs", new Cell(Answer.Json, 16, 200), f => f.CpuMicrosPerRequest),
            AtLeast(0.9, "SSE streams/s, share of plain forwarding's", new Cell(Answer.Sse, 64, 200), f => f.ToPlain),
            AtLeast(0.9, "paced streams/s, share of plain forwarding's", Cell.Crowd, f => f.ToPlain),
            Under(45, "CPU per chunk paced 10 ms apart, µs", Cell.Paced, f => f.CpuMicrosPerChunk),
        ];
        return [.. all.OfType<Reach>()];

        Reach? AtLeast(double bound, string name, Cell cell, Func<Figures, Spread?> figure) =>
            Median(cell, figure) is { } v ? new Reach($"{name} ({cell.Name})", v, bound, v >= bound) : null;

        Reach? Under(double bound, string name, Cell cell, Func<Figures, Spread?> figure) =>
            Median(cell, figure) is { } v ? new Reach($"{name} ({cell.Name})", v, bound, v < bound) : null;

        double? Median(Cell cell, Func<Figures, Spread?> figure) =>
            cells.FirstOrDefault(c => c.Cell == cell.Name)?.Targets.FirstOrDefault(t => t.Target == Target.Gateway) is { } gateway ? figure(gateway)?.Median : null;
    }
}
