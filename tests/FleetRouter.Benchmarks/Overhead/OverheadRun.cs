using System.Diagnostics;

namespace FleetRouter.Benchmarks.Overhead;

/// <summary>What is measured, and how long.</summary>
internal sealed record OverheadPlan(IReadOnlyList<Cell> Cells, int Rounds, int WindowSeconds, IReadOnlyList<GatewayVariant> Gateways, bool Memory);

/// <summary>One run: everything is started once, and in every round every target meets every cell, each round in another
/// order, so that what the machine does meanwhile hits all alike.</summary>
internal sealed class OverheadRun(OverheadPlan plan, TextWriter progress)
{
    private const int OpenStreamCount = 500;

    /// <summary>Cells with pauses are not at the limit of a core, so they need longer for as sure a figure.</summary>
    private const int PacedSeconds = 4;

    private const int WarmUpSeconds = 2, FewestWarmUps = 12, MostWarmUps = 36;

    public async Task<OverheadReport> MeasureAsync(CancellationToken cancellation)
    {
        using FileStream alone = Alone();
        string directory = Directory.CreateTempSubdirectory("fleet-overhead-").FullName;
        var targets = new List<Target>();
        try
        {
            KeepOffTheProxysCore();
            using BenchEngines engines = await BenchEngines.StartAsync(directory, cancellation);
            targets.Add(new NoProxy(engines));
            targets.Add(await NginxProxy.StartAsync(engines, directory, cancellation));
            targets.Add(await HaproxyProxy.StartAsync(engines, directory, cancellation));
            targets.Add(await PlainProxy.StartAsync(engines, cancellation));
            foreach (GatewayVariant variant in plan.Gateways)
                targets.Add(await GatewayProxy.StartAsync(variant, engines, directory, cancellation));
            return await MeasureAsync(targets, engines, directory, cancellation);
        }
        finally
        {
            targets.ForEach(t => t.Dispose());
            Directory.Delete(directory, recursive: true);
        }
    }

    private async Task<OverheadReport> MeasureAsync(List<Target> targets, BenchEngines engines, string directory, CancellationToken cancellation)
    {
        List<MemoryFigures> memory = plan.Memory ? await MeasureMemoryAsync(targets, cancellation) : [];
        foreach (Target target in targets)
            target.StreamBytes = await OpenStreams.MeasureAsync(target, cancellation);
        if (plan.Cells.Count > 0)
            await WarmUpAsync(targets, directory, cancellation);
        var windows = plan.Cells.ToDictionary(c => c, _ => targets.ToDictionary(t => t.Name, _ => new List<Window>()));
        for (int round = 0; round <= plan.Rounds; round++)
            await RoundAsync(round, targets, engines, directory, windows, cancellation);
        memory = [.. memory.Select(m => m with { EndMib = targets.Single(t => t.Name == m.Target).Process!.ResidentMiB() })];

        List<CellFigures> cells = [.. windows.Select(c => new CellFigures(c.Key.Name, c.Key.Answer.ToString().ToLowerInvariant(), c.Key.Connections, c.Key.PromptBytes,
            [.. targets.Select(t => Figures.Of(t.Name, c.Value[t.Name], c.Value[Target.Direct], c.Value[Target.Nginx], c.Value[Target.Plain]))]))];
        double[] foreign = [.. windows.Values.SelectMany(c => c.Values).SelectMany(w => w).Select(w => w.ForeignShare)];
        return new OverheadReport(
            new Dictionary<string, string>
            {
                ["nginx"] = await NeededTools.VersionAsync("nginx", cancellation),
                ["haproxy"] = await NeededTools.VersionAsync("haproxy", cancellation),
                ["wrk"] = await NeededTools.VersionAsync("wrk", cancellation),
                ["dotnet"] = Environment.Version.ToString(),
            },
            $"{File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[^1].Trim()}, {Environment.ProcessorCount} cores",
            plan.Rounds, plan.WindowSeconds, Spread.Of(foreign.Select(v => (double?)v)), foreign.Count(v => v > OverheadReport.NoisyShare), foreign.Length,
            cells, memory, Reach.Judge(cells));
    }

    /// <summary>A .NET program's code is compiled anew while it is used, for longer on a busy machine; nobody wants to know what it
    /// costs until then. So it is used until a request's cost has stopped falling; meanwhile its compiler may use every core.</summary>
    private async Task WarmUpAsync(List<Target> targets, string directory, CancellationToken cancellation)
    {
        Cell[] cells = [.. ((Cell[])[new(Answer.Json, 16, 200), new(Answer.Sse, 16, 200), Cell.Paced]).Where(c => plan.Cells.Any(p => p.Answer == c.Answer))];
        foreach (Target target in targets.Where(t => t.IsCompiledInUse))
        {
            double[] best = [.. cells.Select(_ => double.MaxValue)];
            int runs = 0, inVain = 0;
            target.Process!.MoveTo(Cores.All);
            for (; runs < MostWarmUps && (runs < FewestWarmUps || inVain < 2 * cells.Length); runs++)
            {
                int turn = runs % cells.Length;
                double cpu = target.Process.CpuSeconds();
                Load load = await Load.RunAsync(cells[turn], target, WarmUpSeconds, directory, cancellation);
                double cost = (target.Process.CpuSeconds() - cpu) / load.Requests;
                inVain = cost < 0.95 * best[turn] ? 0 : inVain + 1;
                best[turn] = Math.Min(best[turn], cost);
            }
            target.Process.MoveTo([Cores.Proxy]);
            progress.WriteLine($"{target.Name}: warmed up in {runs * WarmUpSeconds} s, to "
                + string.Join(", ", cells.Zip(best, (c, cost) => $"{cost * 1e6:F0} µs of CPU per answer in {c.Name}")));
        }
    }

    /// <summary>Round 0 only warms up what a cell has of its own: connections, caches. It is not counted.</summary>
    private async Task RoundAsync(int round, List<Target> targets, BenchEngines engines, string directory,
        Dictionary<Cell, Dictionary<string, List<Window>>> windows, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        int turn = 0;
        foreach (Cell cell in plan.Cells)
        {
            int first = (round + turn++) % targets.Count;
            foreach (Target target in targets[first..].Concat(targets[..first]))
            {
                int seconds = cell.Answer == Answer.Paced ? PacedSeconds : round == 0 ? 1 : plan.WindowSeconds;
                Window window = await Window.MeasureAsync(cell, target, engines, seconds, directory, cancellation);
                if (round == 0)
                    continue;
                windows[cell][target.Name].Add(window);
                progress.WriteLine($"round {round}/{plan.Rounds}  {cell.Name,-14} {target.Name,-14} {window.Rate,8:F0}/s  p50 {window.Load.P50Ms,8:F2} ms  p99 {window.Load.P99Ms,8:F2} ms"
                    + (window.CpuMicrosPerRequest is { } request ? $"  CPU {request,7:F1} µs/request" : "")
                    + (window.CpuMicrosPerChunk is { } chunk ? $" {chunk,5:F1} µs/chunk" : "")
                    + (window.ForeignShare > OverheadReport.NoisyShare ? $"  (others took {window.ForeignShare:P0})" : ""));
            }
        }
        progress.WriteLine(round == 0 ? $"warmed up in {clock.Elapsed.TotalSeconds:F0} s" : $"round {round} of {plan.Rounds} took {clock.Elapsed.TotalSeconds:F0} s");
    }

    private async Task<List<MemoryFigures>> MeasureMemoryAsync(List<Target> targets, CancellationToken cancellation)
    {
        var memory = new List<MemoryFigures>();
        foreach (Target target in targets.Where(t => t.Process is not null))
        {
            double start = target.Process!.ResidentMiB();
            double open = await OpenStreams.ResidentMiBAsync(target, OpenStreamCount, cancellation);
            progress.WriteLine($"{target.Name}: {start:F0} MiB at start, {open:F0} MiB with {OpenStreamCount} open streams");
            memory.Add(new MemoryFigures(target.Name, start, open, open));
        }
        return memory;
    }

    /// <summary>Holds this machine for one run: two at once would measure each other.</summary>
    private static FileStream Alone()
    {
        string file = Path.Combine(Path.GetTempPath(), "fleet-overhead.lock");
        try
        {
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OverheadException($"another run holds {file}; two at once would measure each other: wait for it to end");
        }
    }

    /// <summary>What this process itself does between windows must not fall on the proxy.</summary>
    private static void KeepOffTheProxysCore()
    {
        if (OperatingSystem.IsLinux())
            Process.GetCurrentProcess().ProcessorAffinity = 1 << Cores.Load;
    }
}
