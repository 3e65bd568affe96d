using System.Net.Http.Headers;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Gateway.Responses;
using FleetRouter.Gateway.Resuming;
using FleetRouter.Hosting;

namespace FleetRouter.Gateway.Forwarding;

/// <summary>A request's tries on its way to an answer: what is sent with the one under way, and what was seen of the answer.</summary>
internal sealed class Attempt(IPool pool, PlacementRequest request, Placement placement, TimeProvider time, long arrivedAt)
{
    /// <summary>Output tokens between two reports to the pool: enough to keep its ledger moving, few enough to cost nothing.</summary>
    private const int ReportEvery = 64;

    private int _reported, _carried;
    private TimeSpan _longestGap;
    private long _firstTokenAt;

    public IPool Pool => pool;

    public PlacementRequest Request => request;

    /// <summary>Where the try under way goes.</summary>
    public Placement Placement { get; private set; } = placement;

    public TimeProvider Time => time;

    /// <summary>The engine's own id of this try: a duplicate in flight confuses an engine, so no two tries share one.</summary>
    public string EngineRequestId => IdAfter(_carried);

    /// <summary>The id of the try after this one is carried over.</summary>
    public string NextEngineRequestId => IdAfter(_carried + 1);

    private string IdAfter(int carried) => carried == 0 ? $"{request.Id}-{Placement.Attempt}" : $"{request.Id}-{Placement.Attempt}.{carried}";

    /// <summary>What the request says of its answer.</summary>
    public required AnswerTerms Terms { get; init; }

    /// <summary>Whether the gateway asked for the usage event, which the client then must not see.</summary>
    public required bool HidesUsage { get; init; }

    /// <summary>Whether the client waits for the whole answer, which the gateway has streamed to itself.</summary>
    public bool IsWhole { get; init; }

    /// <summary>How the answer goes on elsewhere; null where nothing can.</summary>
    public Resumption? Resumption { get; init; }

    /// <summary>How another engine is asked too while there is no first token; null where none is.</summary>
    public Resumption? Hedging { get; init; }

    /// <summary>The turn of a conversation that the answer is; null for any other call.</summary>
    public ResponseTurn? Turn { get; init; }

    /// <summary>The engine's key, in place of the client's; null passes the client's on.</summary>
    public required string? EngineApiKey { get; init; }

    /// <summary>Whether the client's own key is the router's business alone.</summary>
    public required bool DropsClientKey { get; init; }

    /// <summary>The headers the first engine got; null before.</summary>
    public HttpRequestHeaders? EngineHeaders { get; set; }

    /// <summary>The engine shed the request: nothing of its answer was passed on.</summary>
    public bool EngineBusy { get; set; }

    /// <summary>An engine's stream has begun which goes on elsewhere by itself.</summary>
    public bool GoesOn { get; set; }

    /// <summary>The answer broke off after the first byte; the client was told so in the stream.</summary>
    public bool Broke { get; set; }

    public TokenUsage? Usage { get; set; }

    /// <summary>Time from the request's arrival to its first token; null without one.</summary>
    public TimeSpan? TimeToFirstToken { get; private set; }

    /// <summary>Timestamp of the last token, of whatever try; 0 before the first.</summary>
    public long LastTokenAt { get; private set; }

    /// <summary>Mean time between the tokens of the try under way; zero where too few came.</summary>
    public TimeSpan InterToken => OutputTokens > 4 ? time.GetElapsedTime(_firstTokenAt, LastTokenAt) / (OutputTokens - 1) : TimeSpan.Zero;

    /// <summary>Output tokens seen pass in the try under way.</summary>
    public int OutputTokens { get; private set; }

    /// <summary>How long the engine may be silent now.</summary>
    public TimeSpan Patience => OutputTokens > 0 ? Placement.Patience.NextToken : Placement.Patience.FirstToken;

    /// <summary>The first byte of an answer's body passed. Of an answer that does not stream it tells nothing about the
    /// prefill: it comes when all is made.</summary>
    public void Began() => TimeToFirstToken ??= time.GetElapsedTime(arrivedAt);

    /// <summary>Tokens of a stream passed.</summary>
    public void Passed(int tokens)
    {
        Began();
        long now = time.GetTimestamp();
        if (OutputTokens > 0 && time.GetElapsedTime(LastTokenAt, now) is var gap && gap > _longestGap)
            _longestGap = gap;
        if (OutputTokens == 0)
            _firstTokenAt = now;
        LastTokenAt = now;
        OutputTokens += tokens;
        if (_reported > 0 && OutputTokens - _reported < ReportEvery)
            return;
        _reported = OutputTokens;
        pool.Progressed(request.Id, OutputTokens, _longestGap);
        _longestGap = TimeSpan.Zero;
    }

    /// <summary>The answer goes on elsewhere.</summary>
    /// <param name="to">Where.</param>
    /// <param name="isCarried">Whether it was carried over, not broken off.</param>
    public void GoOn(Placement to, bool isCarried = false)
    {
        (Placement, OutputTokens, _reported, _longestGap) = (to, 0, 0, default);
        _carried += isCarried ? 1 : 0;
    }
}
