using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting;

namespace FleetRouter.Gateway.Resuming;

/// <summary>An answer that broke off, and goes on with another engine.</summary>
internal sealed partial class ResumableStream
{
    /// <summary>An engine that was silent for so many of the answer's inter-token times before its connection broke, and no shorter than that, had
    /// stalled: most of what its client waited is not the time to go on elsewhere.</summary>
    private const int SilentTokens = 20;

    private static readonly TimeSpan LeastSilence = TimeSpan.FromMilliseconds(250);

    /// <summary>Goes on with another engine, as often as it takes; or tells the client that nothing can.</summary>
    private async ValueTask GoOnAsync(AttemptFailure failure, string trouble, CancellationToken cancellation)
    {
        _engine!.Dispose();
        _events.Clear();
        if (_soFar.Finish is not null)
        {
            End();
            _ended = true;
            return;
        }
        string? obstacle = Continuation.Obstacle(_attempt.Terms, _soFar, _attempt.Request.Api, _resumption.Body.Span);
        if (obstacle is not null && _attempt.IsWhole)
            Restart();
        else if (obstacle is not null)
        {
            GiveUp(obstacle);
            return;
        }
        _resumedFor ??= ReasonOf(failure, _attempt.Time.GetElapsedTime(_shownAt), _attempt.InterToken);
        await GoOnElsewhereAsync(null, failure, trouble, cancellation);
    }

    /// <summary>Why an answer went on elsewhere, for the record.</summary>
    /// <param name="failure">What ended it here.</param>
    /// <param name="silent">Since its last token.</param>
    /// <param name="interToken">Mean time between its tokens; zero where too few came.</param>
    internal static string ReasonOf(AttemptFailure failure, TimeSpan silent, TimeSpan interToken)
    {
        bool hadStalled = failure == AttemptFailure.Broke && silent > LeastSilence && silent > SilentTokens * interToken;
        return KebabNames.Of(hadStalled ? AttemptFailure.Stalled : failure);
    }

    /// <summary>Goes on where the pool says, as often as it takes.</summary>
    /// <param name="to">Where to first; null asks the pool.</param>
    /// <param name="failure">What went wrong before.</param>
    /// <param name="trouble">The same for people.</param>
    /// <param name="cancellation">Ends it.</param>
    private async ValueTask GoOnElsewhereAsync(Placement? to, AttemptFailure failure, string trouble, CancellationToken cancellation)
    {
        GiveUpCarrying();
        _silence.Reset();
        _soFar.ForgetUnshown();
        while (true)
        {
            Placement placement = to ?? await _attempt.Pool.RetryAsync(_attempt.Request.Id, failure, trouble, _soFar.Tokens, cancellation);
            if (placement.Refusal is { } refusal)
            {
                GiveUp(refusal.Reason, refusal.Message);
                return;
            }
            _attempt.GoOn(placement, isCarried: to is not null);
            to = null;
            EngineCalls.Opened opened = await OpenAsync(cancellation);
            if (_ended)
                return;
            if (opened.Events is { } events)
            {
                (_engine, _isResumed) = (events, true);
                return;
            }
            (failure, trouble) = (opened.Failure, opened.Trouble);
        }
    }

    /// <summary>Forgets an answer of which the client, who waits for all of it, has nothing.</summary>
    private void Restart()
    {
        _soFar.Restart();
        _output.CutTo(0);
        ForgetSeam();
        Restarts++;
    }

    /// <summary>How often all that was read before is void.</summary>
    public int Restarts { get; private set; }

    private async Task<EngineCalls.Opened> OpenAsync(CancellationToken cancellation)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        late.CancelAfter(_attempt.Placement.Patience.NextToken);
        try
        {
            return await AskToGoOnAsync(late.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new EngineCalls.Opened(null, AttemptFailure.Unreachable, $"no word for {_attempt.Placement.Patience.NextToken.TotalSeconds:0.#} s");
        }
    }

    private async Task<EngineCalls.Opened> AskToGoOnAsync(CancellationToken cancellation)
    {
        ContinuationKind kind = Continuation.KindOf(_attempt.Terms, _soFar, _attempt.Request.Api, _resumption.Body.Span) ?? ContinuationKind.Text;
        if (kind == ContinuationKind.TokenIds && await FindSeamAsync(_attempt.Placement, cancellation) is not SeamFinding.Found and var finding)
        {
            if (finding == SeamFinding.Unreachable)
                return new EngineCalls.Opened(null, AttemptFailure.Unreachable, "it cannot be reached");
            if (!_soFar.Text.IsEmpty || !_attempt.Terms.IsChat)
                kind = ContinuationKind.Text;
            else if (_attempt.IsWhole)
            {
                Restart();
                kind = ContinuationKind.Anew;
            }
            else
            {
                GiveUp(Continuation.ReasoningInFlight);
                return default;
            }
        }
        if (_ended || IsFull())
            return default;
        _continuation.Body?.Dispose();
        _continuation = Continuation.Of(kind, _resumption.Path, _resumption.Body.Span, _attempt.Terms, _soFar);
        return await _resumption.Calls.OpenAsync(
            _attempt, _attempt.Placement, _attempt.EngineRequestId, _continuation.Path, _continuation.Body?.Memory ?? _resumption.Body.Memory, cancellation);
    }

    private int? MostTokens => _attempt.Terms.MaxTokens ?? (_attempt.Terms.IsChat ? null : Continuation.CompletionMaxTokens);

    /// <summary>Ends an answer that has all the tokens it may have: only the word of it was lost.</summary>
    private bool IsFull()
    {
        if (!(_soFar.Tokens >= MostTokens))
            return false;
        (string held, _) = _stops?.Take("", counts: false, isLast: true) ?? ("", null);
        Show(held, "length"u8, default, default);
        End();
        return _ended = true;
    }

    private void GiveUp(string why, string? trouble = null)
    {
        _output.Append(BrokenNotice.Of(_attempt.Request.Api, why, trouble));
        _resumption.Telemetry.GivenUp(_attempt.Pool.Options.Name, why);
        _attempt.Broke = _ended = true;
    }
}
