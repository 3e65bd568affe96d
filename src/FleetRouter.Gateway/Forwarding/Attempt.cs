using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Hosting;

namespace FleetRouter.Gateway.Forwarding;

/// <summary>One try of a request on one instance: what is sent with it, and what was seen of its answer.</summary>
internal sealed class Attempt(PoolHost pool, PlacementRequest request, Placement placement, TimeProvider time, long arrivedAt)
{
    /// <summary>Output tokens between two reports to the pool: enough to keep its ledger moving, few enough to cost nothing.</summary>
    private const int ReportEvery = 64;

    private int _reported;

    public PlacementRequest Request => request;

    public Placement Placement => placement;

    /// <summary>The engine's own id of this try: a duplicate in flight confuses an engine, so no two tries share one.</summary>
    public string EngineRequestId => $"{request.Id}-{placement.Decision.Attempt}";

    /// <summary>Whether the gateway asked for the usage event, which the client then must not see.</summary>
    public required bool HidesUsage { get; init; }

    /// <summary>The engine's key, in place of the client's; null passes the client's on.</summary>
    public required string? EngineApiKey { get; init; }

    /// <summary>Whether the client's own key is the router's business alone.</summary>
    public required bool DropsClientKey { get; init; }

    /// <summary>The engine shed the request: nothing of its answer was passed on.</summary>
    public bool EngineBusy { get; set; }

    /// <summary>The engine broke off after the first byte; the client was told so in the stream.</summary>
    public bool Broke { get; set; }

    public TokenUsage? Usage { get; set; }

    /// <summary>Time from the request's arrival to its first token; null without one.</summary>
    public TimeSpan? TimeToFirstToken { get; private set; }

    /// <summary>Output tokens seen pass.</summary>
    public int OutputTokens { get; private set; }

    /// <summary>The first byte of an answer's body passed. Of an answer that does not stream it tells nothing about the
    /// prefill: it comes when all is made.</summary>
    public void Began() => TimeToFirstToken ??= time.GetElapsedTime(arrivedAt);

    /// <summary>Events of a stream passed; each carries about a token.</summary>
    public void Passed(int events)
    {
        Began();
        OutputTokens += events;
        if (_reported > 0 && OutputTokens - _reported < ReportEvery)
            return;
        _reported = OutputTokens;
        pool.Progressed(request.Id, OutputTokens);
    }
}
