using System.Diagnostics;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Benchmarks.Decide;

/// <summary>A pool under steady load in virtual time: for each request that arrives the oldest ends, so that the leases
/// alive stay the same. Measures arrivals, and ends apart from them.</summary>
internal sealed class LoadedPool
{
    /// <summary>Leases kept alive, whatever the size of the fleet.</summary>
    public const int LiveLeases = 4_000;

    private const string Model = "model";
    private static readonly TimeSpan Service = TimeSpan.FromSeconds(30);

    private readonly Pool _pool;
    private readonly PromptSource _prompts;
    private readonly List<PoolEffect> _effects = new(16);
    private readonly Queue<string> _prefilling = new();
    private readonly Queue<string> _live = new();
    private TimeSpan _now;
    private TimeSpan? _alarm;
    private int _arrived;

    public LoadedPool(string policy, int instances, PromptSource prompts)
    {
        (Policy, Instances, _prompts) = (policy, instances, prompts);
        // Room for the leases at half of each cache, but never less cache than an 80 GB GPU has with an 8B model.
        long capacity = Math.Max(400_000, (long)(2 * LiveLeases * (prompts.MeanTokens + 250) / instances));
        _pool = new Pool(new PoolOptions { Name = "bench", Policy = policy, MaxRequestsPerInstance = 2 * LiveLeases, KvCapacityTokens = capacity });
        for (int i = 0; i < instances; i++)
        {
            _pool.Handle(new InstanceJoined(_now, $"http://10.0.{i / 250}.{i % 250}:8000"), _effects);
            _pool.Handle(new InstanceProbed(_now, $"http://10.0.{i / 250}.{i % 250}:8000", new EngineReport([Model])), _effects);
        }
    }

    public string Policy { get; }
    public int Instances { get; }
    public List<double> ArrivalMicroseconds { get; } = [];
    public List<double> EndMicroseconds { get; } = [];
    public long AllocatedBytes { get; private set; }
    public long HeldArrivals { get; private set; }
    public int Live => _live.Count;

    /// <summary>Runs <paramref name="arrivals"/> arrivals and their ends, and keeps the figures if they are to be <paramref name="kept"/>.</summary>
    public void Run(int arrivals, bool kept)
    {
        for (int i = 0; i < arrivals; i++)
        {
            _now += Service / LiveLeases;
            RingAlarm(kept);
            (var prompt, ulong conversation) = _prompts.Get(_arrived);
            var arrived = new RequestArrived(_now, new PlacementRequest
            {
                Id = $"req-{_arrived++:x8}", Model = Model, Api = ApiKind.Chat, Prompt = prompt,
                SessionId = conversation % 2 == 0 ? $"conversation-{conversation:x}" : null,
                PriorTurns = (int)(conversation % 3), MaxOutputTokens = 500,
            });
            double took = Handle(arrived, kept);
            if (kept)
                ArrivalMicroseconds.Add(took);
            Follow(kept);
            // One prompt an instance is being computed at a time.
            if (_prefilling.Count > Instances)
            {
                Handle(new RequestProgressed(_now, _prefilling.Dequeue(), 1), kept);
                Follow(kept);
            }
            if (_live.Count > LiveLeases)
                EndOldest(kept);
        }
    }

    /// <summary>Handles one event and tells how long that took, microseconds. The bytes are those of a request's whole life: who is held is
    /// dispatched in a later event.</summary>
    private double Handle(PoolEvent happened, bool kept)
    {
        _effects.Clear();
        long bytes = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        _pool.Handle(happened, _effects);
        double took = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        if (kept)
            AllocatedBytes += GC.GetAllocatedBytesForCurrentThread() - bytes;
        return took;
    }

    private void RingAlarm(bool kept)
    {
        if (_alarm is not { } due || due > _now)
            return;
        _alarm = null;
        Handle(new AlarmRang(_now), kept);
        Follow(kept);
    }

    private void EndOldest(bool kept)
    {
        var ended = new RequestEnded(_now, _live.Dequeue(), RequestEnd.Completed);
        double took = Handle(ended, kept);
        if (kept)
            EndMicroseconds.Add(took);
        Follow(kept);
    }

    private void Follow(bool kept)
    {
        foreach (PoolEffect effect in _effects)
            switch (effect)
            {
                case Dispatch dispatch:
                    _live.Enqueue(dispatch.RequestId);
                    _prefilling.Enqueue(dispatch.RequestId);
                    break;
                case WakeAt wake:
                    _alarm = wake.At;
                    break;
                case Held when kept:
                    HeldArrivals++;
                    break;
            }
        _effects.Clear();
    }
}
