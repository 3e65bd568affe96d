namespace FleetRouter.Simulation.Fleet;

/// <summary>What is to happen, in order of time, then in the order it was planned.</summary>
internal sealed class EventQueue<T>
{
    private readonly PriorityQueue<T, (TimeSpan At, long Sequence)> _queue = new(Order.Instance);
    private long _sequence;

    public void Add(TimeSpan at, in T happening) => _queue.Enqueue(happening, (at, _sequence++));

    public bool TryTake(out TimeSpan at, out T happening)
    {
        bool taken = _queue.TryDequeue(out happening!, out (TimeSpan At, long Sequence) key);
        at = key.At;
        return taken;
    }

    private sealed class Order : IComparer<(TimeSpan At, long Sequence)>
    {
        public static readonly Order Instance = new();

        public int Compare((TimeSpan At, long Sequence) x, (TimeSpan At, long Sequence) y) =>
            x.At != y.At ? x.At.CompareTo(y.At) : x.Sequence.CompareTo(y.Sequence);
    }
}
