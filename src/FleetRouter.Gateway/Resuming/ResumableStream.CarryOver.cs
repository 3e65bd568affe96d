using FleetRouter.Domain.Fleet;
using FleetRouter.Gateway.Forwarding;
using FleetRouter.Hosting;

namespace FleetRouter.Gateway.Resuming;

/// <summary>An answer carried over to another engine while it streams: the target computes the prompt and the answer so far, the
/// source answers on meanwhile; then, between two tokens, the target goes on. The pause of the cut is spread over the tokens before it. Until the
/// target's first token has come the source is kept, so that a target that fails costs the client nothing but a pause.</summary>
internal sealed partial class ResumableStream
{
    /// <summary>The target may take so long to compute what there is.</summary>
    private static readonly TimeSpan MostWarming = TimeSpan.FromSeconds(20);

    /// <summary>Cuts tried; the last waits for the target, the others let the source go on when what was in hand is used up.</summary>
    private const int MostCuts = 3;

    private CarryOver? _carrying;
    private Task<string?>? _warming;   // null once warm, else what went wrong
    private CancellationTokenSource? _carryingEnds;
    private TimeSpan _warmedIn;
    private CutPace? _pace;
    private TimeSpan? _carriedAt;   // the time between its tokens before, until it has one on the target
    private Task<Cut>? _cutting;
    private Continuation _cut;
    private int _cuts;
    private long _cutAt;   // timestamp of the last cut's beginning
    private readonly Queue<int> _lead = new();   // where in the output each token ends that is yet to be shown
    private int? _shownTo;                       // of the output, so much may be shown; null for all

    private bool IsToBeCarried => _resumption.Wish.IsThere || _warming is not null || _cutting is not null;

    /// <summary>Does what the pool wishes, as far as it is time; whether something was done that takes the place of a read.</summary>
    private async ValueTask<bool> CarryOverAsync(CancellationToken cancellation)
    {
        if (_done)
            return false;
        if (_resumption.Wish.Take() is { } wish)
        {
            if (wish.IsHedge || wish.From != _attempt.Placement.Instance || wish.To.Attempt != _attempt.Placement.Attempt)
                return false;   // it was said of a try that failed, or had its first token, meanwhile
            if (wish.AtOnce)
            {
                _engine!.Dispose();
                _events.Clear();
                _resumedFor ??= "moved";
                await GoOnElsewhereAsync(wish.To, default, "", cancellation);
                return true;
            }
            BeginCarrying(wish);
        }
        if (_cutting is not null)
            return await WaitForCutAsync(cancellation);
        if (_warming is not { IsCompleted: true } warming)
            return false;
        if (await warming is { } trouble)
            EndCarrying(trouble);
        else if (IsAtItsEnd)
            EndCarrying("the answer is at its end");
        else if (_pace is null)
        {
            _pace = CutPace.Of(_attempt.Time, _attempt.InterToken, _warmedIn);
            return false;
        }
        else if (_pace.HasLead(_events.Whole) && _soFar.IsInStep)
            return await BeginCutAsync(cancellation);
        else
            await _pace.UntilNextAsync(null, cancellation);
        return _events.Whole > 0 && await PassAsync(cancellation);   // what came while the answer was slowed
    }

    private async ValueTask<bool> PassAsync(CancellationToken cancellation)
    {
        if (PassEvents() is { } wrong)
            await GoOnAsync(AttemptFailure.Broke, wrong, cancellation);
        return true;
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
        long began = _attempt.Time.GetTimestamp();
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
            _warmedIn = _attempt.Time.GetElapsedTime(began);
            return null;
        }
        catch (OperationCanceledException)
        {
            return "the target took too long to warm";
        }
        catch (Exception e) when (ConnectionLoss.Is(e))
        {
            return e.Message.ReplaceLineEndings(" ");
        }
    }

    /// <summary>The source is not read any more; what came of it is shown token by token while the target comes to its first.</summary>
    private async ValueTask<bool> BeginCutAsync(CancellationToken cancellation)
    {
        int from = _output.Length;
        string? wrong = null;
        while (wrong is null && _events.Whole > 0)
        {
            wrong = PassEvents();
            _lead.Enqueue(_output.Length);
        }
        if (wrong is not null)
        {
            _lead.Clear();
            await GoOnAsync(AttemptFailure.Broke, wrong, cancellation);
            return true;
        }
        Placement to = _carrying!.To;
        string? obstacle = IsAtItsEnd ? "the answer is at its end" : !_soFar.IsInStep ? "a token whose text has not come" : null;
        if (obstacle is null && await FindSeamAsync(to, cancellation) is not SeamFinding.Found)
            obstacle = "the end of its reasoning, or the text held back for a stop string, is not known";
        if (obstacle is not null || _ended)
        {
            _lead.Clear();
            EndCarrying(obstacle ?? "the answer is at its end");
            return _output.Length > 0;
        }
        _shownTo = from;
        _cut = ContinuationNow(mostTokens: null);
        (_cuts, _cutAt) = (_cuts + 1, _attempt.Time.GetTimestamp());
        string id = _attempt.NextEngineRequestId + (_cuts > 1 ? $"c{_cuts}" : "");
        _cutting = CutAsync(to, id, _cut, _carryingEnds!.Token);
        return await WaitForCutAsync(cancellation);
    }

    private async Task<Cut> CutAsync(Placement to, string id, Continuation continuation, CancellationToken ends)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ends);
        late.CancelAfter(Migrate.LongestPause);
        var events = new EventReader();
        Stream? target = null;
        try
        {
            EngineCalls.Opened opened = await _resumption.Calls.OpenAsync(
                _attempt, to, id, continuation.Path, continuation.Body!.Memory, late.Token);
            target = opened.Events;
            string? trouble = target is null ? opened.Trouble : await FirstTokenAsync(target, events, late.Token);
            if (trouble is null)
                return new Cut(target, events, "");
            target?.Dispose();
            return new Cut(null, events, trouble);
        }
        catch (Exception e) when (ConnectionLoss.Is(e) || e is OperationCanceledException)
        {
            target?.Dispose();
            return new Cut(null, events, e is OperationCanceledException ? "the target's first token took too long" : e.Message.ReplaceLineEndings(" "));
        }
    }

    /// <summary>Shows the next token of the lead when it is time, or what comes behind the cut when that is there.</summary>
    private async ValueTask<bool> WaitForCutAsync(CancellationToken cancellation)
    {
        bool waits = _lead.Count == 0 && _cuts >= MostCuts;
        if (!_cutting!.IsCompleted && !waits)
            await _pace!.UntilNextAsync(_cutting, cancellation);
        if (!_cutting.IsCompleted && _lead.Count > 0)
        {
            _shownTo = _lead.Dequeue();
            return true;
        }
        if (!_cutting.IsCompleted && !waits)
        {
            TakeCutBack();
            return false;
        }
        Cut cut = await _cutting.WaitAsync(cancellation);
        (_cutting, _shownTo) = (null, null);
        _lead.Clear();
        if (cut.Target is null)
        {
            cut.Events.Dispose();
            _cut.Body?.Dispose();
            ForgetNewSeam();
            EndCarrying(cut.Trouble);
            return _output.Length > _read;
        }
        SwitchTo(cut);
        return await PassAsync(cancellation);
    }

    /// <summary>The target is later than what was in hand lasted: the source goes on, and with what it made meanwhile in hand the cut is tried again.</summary>
    private void TakeCutBack()
    {
        _carryingEnds!.Cancel();
        _carryingEnds = new CancellationTokenSource();
        DropCut();
        (_cutting, _shownTo) = (null, null);
        ForgetNewSeam();
        _pace = CutPace.Of(_attempt.Time, _pace!.InterToken, _attempt.Time.GetElapsedTime(_cutAt));
    }

    // The body is not given back: a call that was cancelled may still read of it.
    private void DropCut() => _ = _cutting?.ContinueWith(static cut =>
    {
        cut.Result.Target?.Dispose();
        cut.Result.Events.Dispose();
    }, TaskContinuationOptions.OnlyOnRanToCompletion);

    /// <summary>What came of asking the target to go on.</summary>
    private readonly record struct Cut(Stream? Target, EventReader Events, string Trouble);

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

    private void SwitchTo(in Cut cut)
    {
        Placement to = _carrying!.To;
        _engine!.Dispose();
        _events.Dispose();
        _continuation.Body?.Dispose();
        (_engine, _events, _continuation, _isResumed) = (cut.Target, cut.Events, _cut, true);
        _attempt.GoOn(to, isCarried: true);
        _attempt.Pool.MigrationEnded(_attempt.Request.Id, _soFar.Tokens);
        _resumption.Telemetry.Migrated(_attempt.Pool.Options.Name, isDone: true);
        _carriedAt = _pace!.InterToken;
        (_carrying, _warming, _pace, _cuts) = (null, null, null, 0);
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
        DropCut();
        (_carrying, _warming, _carryingEnds, _cutting, _pace, _shownTo, _cuts) = (null, null, null, null, null, null, 0);
        _lead.Clear();
    }
}
