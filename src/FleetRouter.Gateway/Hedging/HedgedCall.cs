using FleetRouter.Domain.Fleet;
using FleetRouter.Gateway.Forwarding;
using FleetRouter.Gateway.Resuming;
using FleetRouter.Hosting;

namespace FleetRouter.Gateway.Hedging;

/// <summary>The call of an engine as YARP makes it, answered when the first token is there. Until then a second engine is asked too if the pool says so,
/// and the first of the two to have a token answers; or the call is made elsewhere in its place. YARP sees one call.</summary>
/// <remarks>Waiting before the answer is passed on, not within it, covers engines that send their headers at once and those that
/// send them with the first token alike, and answers that could not go on elsewhere once they began.</remarks>
internal sealed class HedgedCall(HttpMessageInvoker engines, Attempt attempt, Resumption hedging) : HttpMessageHandler, IAsyncDisposable
{
    private readonly List<Task> _letGo = [];
    private BegunCall? _first, _second;

    private string PoolName => attempt.Pool.Options.Name;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        // YARP's own content can be read once, and is; the body is in memory.
        HttpContent body = new ReadOnlyMemoryContent(hedging.Body.Memory);
        foreach ((string name, IEnumerable<string> values) in request.Content!.Headers)
            body.Headers.TryAddWithoutValidation(name, values);
        request.Content = body;
        _first = new BegunCall(ends => engines.SendAsync(request, ends), attempt.Placement.Patience.FirstToken, isSecond: false, cancellation);
        while (!_first.Begun.IsCompleted)
        {
            var wished = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            hedging.Wish.Wake = () => wished.TrySetResult();
            if (hedging.Wish.Take() is not { } wish)
                await Task.WhenAny(_first.Begun, wished.Task);
            else if (wish.From != attempt.Placement.Instance || wish.To.Attempt != attempt.Placement.Attempt)
                continue;   // it was said of a try that failed meanwhile
            else if (wish.AtOnce)
                Move(wish.To, cancellation);
            else if (wish.IsHedge && await RaceAsync(wish.To, cancellation) is { } answer)
                return answer;
        }
        hedging.Wish.Wake = null;
        return (await _first.Begun).Take();
    }

    private BegunCall Call(Placement to, string id, CancellationToken cancellation) => new(
        ends => hedging.Calls.SendAsync(attempt, to, id, hedging.Path, hedging.Body.Memory, ends), to.Patience.FirstToken, isSecond: true, cancellation);

    private void Move(Placement to, CancellationToken cancellation)
    {
        _letGo.Add(_first!.LetGoAsync());
        attempt.GoOn(to, isCarried: true);
        hedging.Telemetry.Resumed(PoolName, "moved", null);
        _first = Call(to, attempt.EngineRequestId, cancellation);
    }

    /// <summary>Asks the second engine; the answer, or null if there is only the first again.</summary>
    private async Task<HttpResponseMessage?> RaceAsync(Placement to, CancellationToken cancellation)
    {
        BegunCall first = _first!, second = _second = Call(to, attempt.EngineRequestId + "h", cancellation);
        Task<Beginning> over = await Task.WhenAny(first.Begun, second.Begun);
        Beginning begun = await over;
        bool isFirst = over == first.Begun;
        if (isFirst && begun.Failure is null)
        {
            // The pool hears of the token as it passes.
            hedging.Telemetry.Hedged(PoolName, "lost");
            LetSecondGo();
            return begun.Take();
        }
        if (!isFirst && begun.Failure is not null)
        {
            hedging.Telemetry.Hedged(PoolName, "failed");
            attempt.Pool.HedgeEnded(attempt.Request.Id, HedgeEnd.SecondFailed, begun.Failure, begun.Trouble);
            LetSecondGo();
            return null;
        }
        hedging.Telemetry.Hedged(PoolName, "won");
        attempt.Pool.HedgeEnded(attempt.Request.Id, isFirst ? HedgeEnd.FirstFailed : HedgeEnd.SecondWon, begun.Failure, begun.Trouble);
        attempt.GoOn(to, isCarried: true);
        _letGo.Add(first.LetGoAsync());
        (_first, _second) = (second, null);
        return (await second.Begun).Take();
    }

    private void LetSecondGo()
    {
        _letGo.Add(_second!.LetGoAsync());
        _second = null;
    }

    /// <summary>Waits for the calls that were let go: until then they may still be reading the request's body.</summary>
    public async ValueTask DisposeAsync()
    {
        hedging.Wish.Wake = null;
        if (_first is not null)
            _letGo.Add(_first.LetGoAsync());   // over by now, one way or the other
        if (_second is not null)
            _letGo.Add(_second.LetGoAsync());
        await Task.WhenAll(_letGo);
        Dispose();
    }
}
