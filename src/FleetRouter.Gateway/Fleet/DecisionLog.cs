using FleetRouter.Domain.Placement;

namespace FleetRouter.Gateway.Fleet;

/// <summary>The last decisions, found by the router's id of the request or the client's.</summary>
internal sealed class DecisionLog
{
    /// <summary>Decisions kept, about 1 KB each.</summary>
    public const int Kept = 8_192;

    private readonly Lock _gate = new();
    private readonly Decision?[] _ring = new Decision?[Kept];
    private readonly Dictionary<string, Decision> _byId = new(StringComparer.Ordinal);
    private int _next;

    public void Add(Decision decision)
    {
        lock (_gate)
        {
            if (_ring[_next] is { } oldest)
                Forget(oldest);
            _ring[_next] = decision;
            _next = (_next + 1) % Kept;
            _byId[decision.RequestId] = decision;
            if (decision.ClientId is { } client)
                _byId[client] = decision;
        }
    }

    /// <summary>The decisions about a request, one an attempt, the latest first; none if it is unknown or too long ago. Of
    /// several requests to which a client gave the same id, the latest.</summary>
    public Decision[] Find(string requestId)
    {
        lock (_gate)
            return _byId.GetValueOrDefault(requestId) is { } last ? [.. Newest(Kept).Where(d => d.RequestId == last.RequestId)] : [];
    }

    /// <summary>The latest decisions, newest first.</summary>
    public IReadOnlyList<Decision> Latest(int count)
    {
        lock (_gate)
            return [.. Newest(Math.Min(count, Kept))];
    }

    private IEnumerable<Decision> Newest(int count)
    {
        for (int back = 1; back <= count && _ring[(_next - back + Kept) % Kept] is { } decision; back++)
            yield return decision;
    }

    private void Forget(Decision decision)
    {
        if (_byId.GetValueOrDefault(decision.RequestId) == decision)
            _byId.Remove(decision.RequestId);
        if (decision.ClientId is { } client && _byId.GetValueOrDefault(client) == decision)
            _byId.Remove(client);
    }
}
