using System.Collections.Concurrent;
using System.Diagnostics;
using FleetRouter.Benchmarks.Decide;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Hosting;

namespace FleetRouter.Benchmarks.Cluster;

/// <summary>A gateway without clients: asks a pool where requests go, and tells of first tokens and ends as the gateway does.</summary>
/// <param name="name">Its name; part of its requests' ids.</param>
/// <param name="prompts">What is asked for.</param>
/// <param name="isOdd">Which of two gateways it is: each has conversations of its own.</param>
internal sealed class BenchGateway(string name, PromptSource prompts, bool isOdd)
{
    /// <summary>Requests under way at a time; for each one more that is placed the oldest ends.</summary>
    private const int Live = 64;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, bool> _notByPool = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _live = new();
    private int _asked, _fallbacks, _refused;

    /// <summary>To be told every effect that its process carries out.</summary>
    public void Report(string pool, PoolEffect effect)
    {
        if (effect is not Dispatch { Decision.Rule: PlacementRule.Fallback, RequestId: var id })
            return;
        _notByPool[id] = true;
        Interlocked.Increment(ref _fallbacks);
    }

    /// <summary>Asks for as long as the window lasts, and ends all that it placed.</summary>
    public async Task<WindowFigures> RunAsync(IPool pool, Window window, CancellationToken stop)
    {
        (_fallbacks, _refused) = (0, 0);
        (TimeSpan cpu, long allocated, long began) = (Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes(), Stopwatch.GetTimestamp());
        (double[] took, double[] late) = window.Rate > 0 ? await OpenAsync(pool, window, stop) : await ClosedAsync(pool, window, stop);
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        double cpuUs = (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds;
        allocated = GC.GetTotalAllocatedBytes() - allocated;
        while (_live.TryDequeue(out string? id))
            pool.Ended(id, RequestEnd.Completed, null);
        Array.Sort(took);
        Array.Sort(late);
        return new WindowFigures(took.Count(double.IsFinite) / seconds, took.Length, Share(took, 0.5), Share(took, 0.99), Share(took, 0.999), Share(late, 0.99),
            _fallbacks, _refused, cpuUs, allocated);
    }

    /// <summary>Microseconds that each took from the instant it was due, and microseconds by which it was asked too late.</summary>
    private async Task<(double[] Took, double[] Late)> OpenAsync(IPool pool, Window window, CancellationToken stop)
    {
        // Arrays and no list of tasks: what the measuring keeps alive the collector would have to go through.
        double[] took = new double[(int)(window.Rate * window.Seconds * 1.2) + 1_000], late = new double[took.Length];
        int asked = 0, open = 1;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var generator = new Thread(() =>
        {
            Pace.Sharpen();
            var random = new Random(window.Seed);
            double due = 0;
            long start = Stopwatch.GetTimestamp();
            for (; (due += -Math.Log(1 - random.NextDouble()) / window.Rate) < window.Seconds && asked < took.Length && !stop.IsCancellationRequested; asked++)
            {
                PlacementRequest request = Next();
                long at = start + (long)(due * Stopwatch.Frequency);
                Pace.Until(at);
                late[asked] = Stopwatch.GetElapsedTime(at).TotalMicroseconds;
                Interlocked.Increment(ref open);
                _ = NoteAsync(asked, request, at);
            }
            Close();
        }) { IsBackground = true };
        generator.Start();
        await all.Task.WaitAsync(TimeSpan.FromSeconds(window.Seconds) + Patience, stop);
        return (took[..asked], late[..asked]);

        async Task NoteAsync(int number, PlacementRequest request, long due)
        {
            try
            {
                took[number] = await AskAsync(pool, request, due);
                Close();
            }
            catch (Exception e)
            {
                all.TrySetException(e);
            }
        }

        void Close()
        {
            if (Interlocked.Decrement(ref open) == 0)
                all.TrySetResult();
        }
    }

    private async Task<(double[] Took, double[] Late)> ClosedAsync(IPool pool, Window window, CancellationToken stop)
    {
        long end = Stopwatch.GetTimestamp() + (long)(window.Seconds * Stopwatch.Frequency);
        List<double>[] took = await Task.WhenAll(Enumerable.Range(0, window.Callers).Select(_ => Task.Run(async () =>
        {
            var own = new List<double>();
            while (Stopwatch.GetTimestamp() < end && !stop.IsCancellationRequested)
            {
                own.Add(await AskAsync(pool, Next(), Stopwatch.GetTimestamp()));
                // A pool that answers at once would never give the thread away, which the silo needs too.
                await Task.Yield();
            }
            return own;
        }, stop))).WaitAsync(TimeSpan.FromSeconds(window.Seconds) + Patience, stop);
        return ([.. took.SelectMany(t => t)], [0]);
    }

    private async Task<double> AskAsync(IPool pool, PlacementRequest request, long due)
    {
        Placement placed = await pool.PlaceAsync(request, CancellationToken.None);
        double took = Stopwatch.GetElapsedTime(due).TotalMicroseconds;
        if (placed.Instance is null)
        {
            Interlocked.Increment(ref _refused);
            pool.Ended(request.Id, RequestEnd.Failed, null);
            return double.PositiveInfinity;
        }
        pool.Progressed(request.Id, 1);
        _live.Enqueue(request.Id);
        if (_live.Count > Live && _live.TryDequeue(out string? oldest))
            pool.Ended(oldest, RequestEnd.Completed, null);
        return _notByPool.TryRemove(request.Id, out _) ? double.PositiveInfinity : took;
    }

    private PlacementRequest Next()
    {
        int number = Interlocked.Increment(ref _asked);
        (var prompt, ulong conversation) = prompts.Get((2 * number) + (isOdd ? 1 : 0));
        return new PlacementRequest
        {
            Id = $"{name}-{number:x8}", Model = BenchFleet.Model, Api = ApiKind.Chat, Prompt = prompt,
            SessionId = conversation % 2 == 0 ? $"conversation-{conversation:x}" : null,
            PriorTurns = (int)(conversation % 3), MaxOutputTokens = 500,
        };
    }

    private static double Share(double[] sorted, double share) => sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)(share * sorted.Length))];
}
