using System.Diagnostics;
using System.Net;
using System.Runtime;
using FleetRouter.Benchmarks.Decide;
using FleetRouter.Benchmarks.Overhead;
using FleetRouter.Hosting;
using FleetRouter.LoadGen.Demo;
using FleetRouter.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace FleetRouter.Benchmarks.Cluster;

/// <summary>One run: two gateways on one PostgreSQL, this process and another, the pool in this one's silo and, beside it, one in this process's
/// own mailbox. Every round does every cell, so that what the machine does meanwhile hits all alike.</summary>
internal sealed class ClusterRun(double seconds, double rate, TextWriter progress)
{
    public const string Embedded = "embedded", Local = "local", Remote = "remote", Both = "both";
    public const string Open = "open", Closed = "closed";
    private const int Rounds = 5, Callers = 64;

    /// <summary>Rounds that do not count: until the runtime has compiled for good what is called often, which would take a core of the two.</summary>
    private const int MostWarmUps = 8;
    private const double Compiled = 0.01;

    private static readonly string[] Cells = [Embedded, Local, Remote, Both];

    private readonly Dictionary<(string Cell, string Gateway, string Loop), List<WindowFigures>> _figures = [];
    private readonly Dictionary<(string Cell, string Loop), List<(double CpuUs, double Bytes, double Foreign)>> _costs = [];

    public async Task<ClusterReport> MeasureAsync(CancellationToken stop)
    {
        PromptSource prompts = PromptSource.Open();
        var gateway = new BenchGateway("a", prompts, isOdd: false);
        progress.WriteLine("starting PostgreSQL and two gateways");
        await using LocalPostgres postgres = await LocalPostgres.Start(["shared_buffers=16MB", "max_connections=60"], stop);
        var address = DatabaseAddress.Parse(postgres.ConnectionTo("postgres"), "the benchmark");
        await using (var database = new Database(new DatabaseOptions { Address = address }, NullLoggerFactory.Instance))
            await database.OpenAsync(stop);
        await using var embedded = new EmbeddedPools(new HostClock(TimeProvider.System), gateway.Report);
        await using FleetRouter.Orleans.Silo silo = await ClusterGateway.JoinAsync(Own(), address.OfSchema(), gateway.Report);
        IPool alone = await embedded.StartAsync(new BenchFleet().Setup()), shared = await silo.StartAsync(new BenchFleet().Setup());
        await BenchFleet.ReadyAsync(alone, stop);
        await BenchFleet.ReadyAsync(shared, stop);
        if (silo.Here(BenchFleet.Pool) is null)
            throw new InvalidOperationException("the cluster runs the pool elsewhere than in the silo that asked for it first");
        using SecondGateway second = await SecondGateway.StartAsync(Own(), address.OfSchema(), stop);

        for (int warmUp = 0; warmUp < MostWarmUps; warmUp++)
        {
            (TimeSpan compiling, long began) = (JitInfo.GetCompilationTime(), Stopwatch.GetTimestamp());
            await RoundAsync(0);
            if ((JitInfo.GetCompilationTime() - compiling) / Stopwatch.GetElapsedTime(began) < Compiled)
                break;
        }
        for (int round = 1; round <= Rounds; round++)
            await RoundAsync(round);
        return new ClusterReport(prompts.Description, prompts.MeanTokens, rate, seconds, Rounds, Environment.ProcessorCount,
            [.. _figures.Select(f => GatewayFigures.Of(f.Key.Cell, f.Key.Gateway, f.Key.Loop, f.Value))],
            [.. _costs.Select(c => new CellCost(c.Key.Cell, c.Key.Loop, Over(c.Value, v => v.CpuUs), Over(c.Value, v => v.Bytes), Over(c.Value, v => v.Foreign)))]);

        async Task RoundAsync(int round)
        {
            foreach (string loop in (string[])[Open, Closed])
                for (int i = 0; i < Cells.Length; i++)
                    await MeasureAsync(Cells[(round + i) % Cells.Length], loop, round);
        }

        static Spread Over<T>(List<T> all, Func<T, double> figure) => Spread.Of(all.Select(v => (double?)figure(v)))!;

        async Task MeasureAsync(string cell, string loop, int round)
        {
            int gateways = cell == Both ? 2 : 1;
            Window Half(int seed) => new(seconds, loop == Open ? rate / gateways : 0, Callers / gateways, seed);
            (long began, double busy, TimeSpan cpu, long bytes) = (Stopwatch.GetTimestamp(), PinnedProcess.BusySeconds(), Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes());
            Task<WindowFigures>? here = cell == Remote ? null : gateway.RunAsync(cell == Embedded ? alone : shared, Half(2 * round), stop);
            Task<WindowFigures>? there = cell is Remote or Both ? second.RunAsync(Half((2 * round) + 1), stop) : null;
            List<(string Gateway, WindowFigures Found)> found = [];
            if (here is not null)
                found.Add((cell == Embedded ? Embedded : Local, await here));
            if (there is not null)
                found.Add((Remote, await there));
            double took = Stopwatch.GetElapsedTime(began).TotalSeconds;
            double cpuUs = (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds + (there is null ? 0 : (await there).CpuUs);
            bytes = GC.GetTotalAllocatedBytes() - bytes + (there is null ? 0 : (await there).AllocatedBytes);
            double foreign = Math.Max(0, (PinnedProcess.BusySeconds() - busy - cpuUs / 1e6) / took / Math.Min(2, Environment.ProcessorCount));
            foreach ((string name, WindowFigures f) in found)
                progress.WriteLine($"{(round == 0 ? "warm-up" : $"round {round}/{Rounds}"),-9} {loop,-6} {cell,-8} {name,-8} {f.PerSecond,8:F0}/s  p50 {f.P50Us,6:F0} µs  p99 {f.P99Us,6:F0} µs"
                    + (f.Fallbacks + f.Refused > 0 ? $"  ({f.Fallbacks} placed by fallback, {f.Refused} refused)" : "") + (foreign > OverheadReport.NoisyShare ? $"  (others took {foreign:P0})" : ""));
            if (round == 0)
                return;
            foreach ((string name, WindowFigures f) in found)
                Of(_figures, (cell, name, loop)).Add(f);
            int decisions = found.Sum(f => f.Found.Decisions);
            Of(_costs, (cell, loop)).Add((cpuUs / decisions, (double)bytes / decisions, foreign));
        }
    }

    private static List<T> Of<TKey, T>(Dictionary<TKey, List<T>> all, TKey key) where TKey : notnull =>
        all.TryGetValue(key, out List<T>? list) ? list : all[key] = [];

    /// <summary>Where a silo of this machine may listen.</summary>
    private static IPEndPoint Own() => new(IPAddress.Loopback, FreePort.Next());
}
