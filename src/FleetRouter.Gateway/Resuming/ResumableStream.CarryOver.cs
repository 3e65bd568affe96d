using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting;

namespace FleetRouter.Gateway.Resuming;

/// <summary>An answer carried over to another engine while it streams: the target computes the prompt and the answer so far, the
/// source answers on meanwhile; then, between two tokens, the target goes on. Until its first token has come the source is kept, so
/// that a target that fails costs the client nothing but a pause.</summary>
internal sealed partial class ResumableStream
{
    /// <summary>The target may take so long to compute what there is.</summary>
    private static readonly TimeSpan MostWarming = TimeSpan.FromSeconds(20);

    /// <summary>The answer stands still for the target's first token no longer than this, then the source goes on.</summary>
    private static readonly TimeSpan MostPause = TimeSpan.FromSeconds(1);

    private CarryOver? _carrying;
    private Task<string?>? _warming;   // null once warm, else what went wrong
    private CancellationTokenSource? _carryingEnds;

    /// <summary>Does what the pool wishes, as far as it is time; whether something was done that takes the place of a read.</summary>
    private async ValueTask<bool> CarryOverAsync(CancellationToken cancellation)
    {
        if (_done)
            return false;
        if (_resumption.Wish.Take() is { } wish)
        {
            if (wish.From != _attempt.Placement.Instance || wish.To.Decision.Attempt != _attempt.Placement.Decision.Attempt)
                return false;   // it was said of a try that failed meanwhile
            if (wish.AtOnce)
            {
                _engine!.Dispose();
                _events.Clear();
                _resumedFor = "moved";
                await GoOnElsewhereAsync(wish.To, default, "", cancellation);
                return true;
            }
            BeginCarrying(wish);
        }
        if (_warming is not { IsCompleted: true } warming || !_soFar.IsInStep)
            return false;
        if (await warming is { } trouble)
            EndCarrying(trouble);
        else if (IsAtItsEnd)
            EndCarrying("the answer is at its end");
        else
            await CutOverAsync(cancellation);
        return _output.Length > 0;
    }

    private bool IsAtItsEnd => _soFar.Finish is not null || _soFar.Tokens >= MostTokens;

    private void BeginCarrying(CarryOver wish)
    {
        _carrying = wish;
        _carryingEnds = new CancellationTokenSource();
        string? obstacle = Continuation.Obstacle(_attempt.Terms, _soFar, _attempt.Request.Api, _resumption.Body.Span);
        if (obstacle is not null || _soFar.IsBlank)
        {
            EndCarrying(obstacle ?? "nothing to carry over yet");
            return;
        }
        Continuation warmth = ContinuationNow(mostTokens: 1);
        _warming = WarmAsync(wish.To, warmth, _carryingEnds.Token);
    }

    private Continuation ContinuationNow(int? mostTokens) => Continuation.Of(
        Continuation.KindOf(_attempt.Terms, _soFar, _attempt.Request.Api, _resumption.Body.Span) ?? ContinuationKind.Text,
        _resumption.Path, _resumption.Body.Span, _attempt.Terms, _soFar, mostTokens);

    /// <summary>Has the target compute what there is, by asking it for one token more; answers what went wrong.</summary>
    private async Task<string?> WarmAsync(Placement to, Continuation warmth, CancellationToken ends)
    {
        using PooledBytes body = warmth.Body!;
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ends);
        late.CancelAfter(MostWarming);
        byte[] scratch = new byte[1024];
        try
        {
            EngineCalls.Opened opened = await _resumption.Calls.OpenAsync(_attempt, to, _attempt.NextEngineRequestId + "w", warmth.Path, body.Memory, late.Token);
            if (opened.Events is null)
                return opened.Trouble;
            await using Stream events = opened.Events;
            while (await events.ReadAsync(scratch, late.Token) > 0)
            {
                // Only that it ends matters.
            }
            return null;
        }
        catch (OperationCanceledException)
        {
            return "the target took too long to warm";
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            return e.Message.ReplaceLineEndings(" ");
        }
    }

    /// <summary>The source is not read while the target comes to its first token; it is let go when that has come.</summary>
    private async Task CutOverAsync(CancellationToken cancellation)
    {
        Placement to = _carrying!.To;
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        late.CancelAfter(MostPause);
        var events = new EventReader();
        Stream? target = null;
        Continuation continuation = default;
        bool hadStops = _stops is not null, isSwitched = false;
        try
        {
            if (_attempt.Terms.HasStop && !hadStops && !await FindUnshownAsync(to, late.Token))
            {
                EndCarrying("the text held back for a stop string is not known");
                return;
            }
            if (_ended)
                return;
            continuation = ContinuationNow(mostTokens: null);
            EngineCalls.Opened opened = await _resumption.Calls.OpenAsync(
                _attempt, to, _attempt.NextEngineRequestId, continuation.Path, continuation.Body!.Memory, late.Token);
            target = opened.Events;
            string? trouble = target is null ? opened.Trouble : await FirstTokenAsync(target, events, late.Token);
            isSwitched = trouble is null;
            if (trouble is null)
                SwitchTo(to, ref target, ref events, ref continuation);
            else
                EndCarrying(trouble);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            EndCarrying("the target's first token took too long");
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            EndCarrying(e.Message.ReplaceLineEndings(" "));
        }
        finally
        {
            if (!isSwitched && !hadStops)
                _stops = null;   // the source still looks for them itself
            target?.Dispose();
            events.Dispose();
            continuation.Body?.Dispose();
        }
        if (isSwitched && PassEvents() is { } wrong)
            await GoOnAsync(AttemptFailure.Broke, wrong, cancellation);
    }

    private static async Task<string?> FirstTokenAsync(Stream target, EventReader events, CancellationToken cancellation)
    {
        while (await target.ReadAsync(events.Room(), cancellation) is > 0 and var read)
        {
            events.Came(read);
            if (events.HasToken())
                return null;
        }
        return "the target ended before its first token";
    }

    private void SwitchTo(Placement to, ref Stream? target, ref EventReader events, ref Continuation continuation)
    {
        _engine!.Dispose();
        _engine = target;
        target = null;
        (_events, events) = (events, _events);
        (_continuation, continuation) = (continuation, _continuation);
        _isResumed = true;
        _attempt.GoOn(to, isCarried: true);
        _attempt.Pool.MigrationEnded(_attempt.Request.Id, _soFar.Tokens);
        _resumption.Telemetry.Migrated(_attempt.Pool.Options.Name, isDone: true);
        (_carrying, _warming) = (null, null);
        _resumedFor = "migrated";
    }

    private void EndCarrying(string trouble)
    {
        if (_carrying is null)
            return;
        _attempt.Pool.MigrationEnded(_attempt.Request.Id, _soFar.Tokens, trouble);
        _resumption.Telemetry.Migrated(_attempt.Pool.Options.Name, isDone: false);
        GiveUpCarrying();
    }

    /// <summary>Forgets that it was to be carried over; the pool knows.</summary>
    private void GiveUpCarrying()
    {
        _carryingEnds?.Cancel();
        (_carrying, _warming, _carryingEnds) = (null, null, null);
    }
}
