using System.Runtime.InteropServices;
using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Admission;

/// <summary>The requests held in the router for one instance, whose turn has not come: those of higher priority in front, among equals those that must begin first,
/// the longest prompts before their time (<see cref="LongPrompts"/>).</summary>
internal sealed class Claims
{
    private readonly List<Claim> _byUrgency = [];

    public int Count => _byUrgency.Count;

    /// <summary>The most urgent; null if there is none.</summary>
    public InFlight? First => _byUrgency.Count == 0 ? null : _byUrgency[0].Work;

    /// <summary>All, in order of urgency.</summary>
    public IEnumerable<InFlight> All => _byUrgency.Select(claim => claim.Work);

    /// <summary>A request waits here from now on. Its <see cref="InFlight.LatestStart"/> must not change while it does.</summary>
    /// <param name="work">The request.</param>
    /// <param name="seconds">Prefill it will take.</param>
    /// <param name="tokens">KV cache it will pin.</param>
    public void Add(InFlight work, double seconds, long tokens)
    {
        Claim claim = PlaceOf(work, work.LatestStart) with { Seconds = seconds, Tokens = tokens };
        _byUrgency.Insert(~_byUrgency.BinarySearch(claim), claim);
    }

    public void Remove(InFlight work) => _byUrgency.RemoveAt(_byUrgency.BinarySearch(PlaceOf(work, work.LatestStart)));

    /// <summary>What those will take who go before a request that must begin by then: seconds of prefill, tokens of KV cache.</summary>
    public (double Seconds, long Tokens) Before(InFlight work, TimeSpan latestStart)
    {
        double seconds = 0;
        long tokens = 0;
        Claim place = PlaceOf(work, latestStart);
        foreach (ref readonly Claim claim in CollectionsMarshal.AsSpan(_byUrgency))
        {
            if (claim.CompareTo(place) > 0)
                break;
            if (claim.Work != work)
                (seconds, tokens) = (seconds + claim.Seconds, tokens + claim.Tokens);
        }
        return (seconds, tokens);
    }

    /// <summary>Whether <paramref name="x"/> goes before <paramref name="y"/>: it has the higher priority, or its turn is sooner.</summary>
    public static bool IsMoreUrgent(InFlight x, InFlight y) =>
        PlaceOf(x, x.LatestStart).CompareTo(PlaceOf(y, y.LatestStart)) < 0;

    private static Claim PlaceOf(InFlight work, TimeSpan latestStart) => new(work, work.Request.Priority, latestStart - work.Lead, work.Order, 0, 0);

    /// <summary>What the order is told by stands beside the request: the list is read for each instance weighed.</summary>
    private readonly record struct Claim(InFlight Work, int Priority, TimeSpan Turn, long Order, double Seconds, long Tokens) : IComparable<Claim>
    {
        public int CompareTo(Claim other) => Priority != other.Priority ? other.Priority.CompareTo(Priority)
            : Turn != other.Turn ? Turn.CompareTo(other.Turn) : Order.CompareTo(other.Order);
    }
}
