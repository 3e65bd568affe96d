namespace FleetRouter.Benchmarks.Overhead;

/// <summary>One target in one cell over all rounds. A ratio is taken within each round, where both were measured moments
/// apart, and the median is over those.</summary>
internal sealed record Figures(string Target, Spread PerSecond, Spread? ToDirect, Spread? ToNginx, Spread? ToPlain, Spread P50Ms, Spread P99Ms,
    Spread? P50ToDirect, Spread? P99ToDirect, Spread? P50ToNginx, Spread? P99ToNginx,
    Spread? CpuMicrosPerRequest, Spread? CpuMicrosPerChunk, Spread? AllocatedBytesPerRequest)
{
    public static Figures Of(string target, IReadOnlyList<Window> rounds, IReadOnlyList<Window> direct, IReadOnlyList<Window> nginx, IReadOnlyList<Window> plain)
    {
        return new Figures(target, Spread.Of(rounds.Select(w => (double?)w.Rate))!, Ratio(direct, w => w.Rate), Ratio(nginx, w => w.Rate), Ratio(plain, w => w.Rate),
            Spread.Of(rounds.Select(w => (double?)w.Load.P50Ms))!, Spread.Of(rounds.Select(w => (double?)w.Load.P99Ms))!,
            Ratio(direct, w => w.Load.P50Ms), Ratio(direct, w => w.Load.P99Ms), Ratio(nginx, w => w.Load.P50Ms), Ratio(nginx, w => w.Load.P99Ms),
            Spread.Of(rounds.Select(w => w.CpuMicrosPerRequest)), Spread.Of(rounds.Select(w => w.CpuMicrosPerChunk)), Spread.Of(rounds.Select(w => w.AllocatedPerRequest)));

        Spread? Ratio(IReadOnlyList<Window> reference, Func<Window, double> figure) =>
            Spread.Of(rounds.Zip(reference, (w, r) => (double?)(figure(w) / figure(r))));
    }
}

/// <summary>One cell's table.</summary>
internal sealed record CellFigures(string Cell, string Answer, int Connections, int PromptBytes, IReadOnlyList<Figures> Targets);

/// <summary>A proxy's resident memory in MiB: before any request, with 500 streams open, and after the last window.</summary>
internal sealed record MemoryFigures(string Target, double StartMib, double OpenStreamsMib, double EndMib);
