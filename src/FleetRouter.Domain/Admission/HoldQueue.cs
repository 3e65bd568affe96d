using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Admission;

/// <summary>Requests that wait in the router for an instance, first come first served, bounded in number and time.</summary>
internal sealed class HoldQueue
{
    private readonly LinkedList<InFlight> _waiting = new();
    private TimeSpan? _lastEnd;
    private double _secondsBetweenEnds = 1;

    public int Count => _waiting.Count;

    public LinkedListNode<InFlight>? First => _waiting.First;

    public bool HoldsModel(string model)
    {
        for (LinkedListNode<InFlight>? node = _waiting.First; node is not null; node = node.Next)
            if (node.Value.Request.Model == model)
                return true;
        return false;
    }

    public void Add(InFlight work, TimeSpan now, TimeSpan most)
    {
        work.HeldSince = now;
        work.HoldDeadline = now + most;
        work.HoldPlace = _waiting.AddLast(work);
    }

    public void Remove(InFlight work, TimeSpan now)
    {
        if (work.HoldPlace is not { } place)
            return;
        _waiting.Remove(place);
        work.HoldPlace = null;
        work.HeldFor += now - work.HeldSince;
    }

    /// <summary>Counts the end of a lease, the pace at which places come free.</summary>
    public void PlaceFreed(TimeSpan now)
    {
        if (_lastEnd is { } last)
            _secondsBetweenEnds += 0.05 * ((now - last).TotalSeconds - _secondsBetweenEnds);
        _lastEnd = now;
    }

    /// <summary>When a newcomer could expect a place: those before it at the pace places come free. Whole seconds, 1 to 60.</summary>
    public TimeSpan RetryAfter() => TimeSpan.FromSeconds(Math.Clamp(Math.Ceiling((Count + 1) * _secondsBetweenEnds), 1, 60));
}
