using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Admission;

/// <summary>The requests held in the router for one instance, whose turn has not come: those that must begin first in front.</summary>
internal sealed class Claims
{
    private readonly SortedSet<InFlight> _byUrgency = new(UrgentFirst.Instance);

    public int Count => _byUrgency.Count;

    /// <summary>Seconds of prefill they will take.</summary>
    public double Seconds { get; private set; }

    /// <summary>Tokens of KV cache they will pin.</summary>
    public long Tokens { get; private set; }

    /// <summary>The most urgent; null if there is none.</summary>
    public InFlight? First => _byUrgency.Min;

    /// <summary>The request at a place of the order, 0 being the most urgent.</summary>
    public InFlight At(int place)
    {
        if (place == 0)
            return _byUrgency.Min!;
        foreach (InFlight work in _byUrgency)
            if (place-- == 0)
                return work;
        throw new ArgumentOutOfRangeException(nameof(place));
    }

    public void Add(InFlight work)
    {
        _byUrgency.Add(work);
        Seconds += work.ClaimSeconds;
        Tokens += work.ClaimTokens;
    }

    public void Remove(InFlight work)
    {
        _byUrgency.Remove(work);
        Seconds = _byUrgency.Count == 0 ? 0 : Seconds - work.ClaimSeconds;
        Tokens -= work.ClaimTokens;
    }

    /// <summary>Whether <paramref name="x"/> must begin before <paramref name="y"/>.</summary>
    public static bool IsMoreUrgent(InFlight x, InFlight y) => UrgentFirst.Instance.Compare(x, y) < 0;

    private sealed class UrgentFirst : IComparer<InFlight>
    {
        public static readonly UrgentFirst Instance = new();

        public int Compare(InFlight? x, InFlight? y) => x!.LatestStart != y!.LatestStart
            ? x.LatestStart.CompareTo(y.LatestStart)
            : x.Order.CompareTo(y.Order);
    }
}
