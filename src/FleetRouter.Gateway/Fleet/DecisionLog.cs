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

    /// <summary>The latest decision about a request; null if it is unknown or too long ago.</summary>
    public Decision? Find(string requestId)
    {
        lock (_gate)
            return _byId.GetValueOrDefault(requestId);
    }

    /// <summary>The latest decisions, newest first.</summary>
    public IReadOnlyList<Decision> Latest(int count)
    {
        var latest = new List<Decision>();
        lock (_gate)
            for (int back = 1; back <= Math.Min(count, Kept) && _ring[(_next - back + Kept) % Kept] is { } decision; back++)
                latest.Add(decision);
        return latest;
    }

    private void Forget(Decision decision)
    {
        if (_byId.GetValueOrDefault(decision.RequestId) == decision)
            _byId.Remove(decision.RequestId);
        if (decision.ClientId is { } client && _byId.GetValueOrDefault(client) == decision)
            _byId.Remove(client);
    }
}
