using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.Gateway.Forwarding;
using FleetRouter.Hosting;

namespace FleetRouter.Gateway.Resuming;

/// <summary>A chat's or completion's answer as the client gets it. YARP copies from here, so its flow control, flushing and timeouts
/// stay; where the engine breaks off or falls silent, another goes on from the exact token, and the client sees one answer.</summary>
/// <remarks>Only whole events pass, so what the client has is always a point to go on from. Reading is for one reader at a time.</remarks>
internal sealed partial class ResumableStream : PassingStream
{
    private readonly Attempt _attempt;
    private readonly Resumption _resumption;
    private EventReader _events = new();
    private readonly PooledBytes _output = new();
    private readonly AnswerSoFar _soFar;
    private readonly AnswerWriter _writer;
    private readonly SilenceAlarm _silence;
    private Stream? _engine;
    private Continuation _continuation = new(ContinuationKind.Anew, "", null);
    private int _read;             // of the output, so much was read
    private bool _done, _ended, _isResumed;
    private int? _cachedTokens;
    private long _shownAt;         // timestamp of what the client got last, at first of the answer's beginning
    private string? _resumedFor;   // why it went on elsewhere first, until it has a token there

    public ResumableStream(Stream engine, Attempt attempt)
    {
        (_engine, _attempt, _resumption) = (engine, attempt, attempt.Resumption!);
        _soFar = new AnswerSoFar(attempt.Terms.WantsTokenIds);
        _writer = new AnswerWriter(attempt.Terms, _soFar, _output);
        _silence = new SilenceAlarm(attempt.Time);
        _shownAt = attempt.Time.GetTimestamp();
        _resumption.Wish.Wake = () =>
        {
            if (_resumption.Wish.IsUrgent)   // and not seen yet by the reader itself
                _silence.Wake();
        };
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellation = default)
    {
        while (_read == (_shownTo ?? _output.Length))
        {
            if (_ended)
                return 0;
            if (_shownTo is null)
            {
                _output.CutTo(0);
                _read = 0;
            }
            await AdvanceAsync(cancellation);
        }
        int count = Math.Min(buffer.Length, (_shownTo ?? _output.Length) - _read);
        if (count > 0)
            _shownAt = _attempt.Time.GetTimestamp();
        _output.Span.Slice(_read, count).CopyTo(buffer.Span);
        _read += count;
        return count;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask AdvanceAsync(CancellationToken cancellation)
    {
        if (IsToBeCarried && await CarryOverAsync(cancellation))
            return;
        AttemptFailure failure = AttemptFailure.Broke;
        string trouble;
        try
        {
            int read = await _silence.ReadAsync(_engine!, _events.Room(), _attempt.Patience, cancellation);
            if (read > 0)
            {
                _events.Came(read);
                if (PassEvents() is not { } wrong)
                    return;
                trouble = wrong;
            }
            else if (read == SilenceAlarm.Woken || IsDoneWithoutLineEnd())
                return;
            else
                trouble = "the stream ended before the answer did";
        }
        catch (SilenceException) when (!_done)
        {
            (failure, trouble) = (AttemptFailure.Stalled, $"no token for {_attempt.Patience.TotalSeconds:0.#} s");
        }
        catch (Exception e) when (ConnectionLoss.Is(e) || e is SilenceException)
        {
            if (_done)
            {
                _ended = true;
                return;
            }
            trouble = e.Message.ReplaceLineEndings(" ");
        }
        await GoOnAsync(failure, trouble, cancellation);
    }

    /// <summary>Passes all whole events that have come; answers what is wrong with one, if anything is.</summary>
    private string? PassEvents()
    {
        int tokens = _soFar.Tokens;
        string? wrong = null;
        // One at a time while the answer is slowed for a cut.
        for (int left = _pace is null ? int.MaxValue : 1; left > 0 && wrong is null && _events.TryTake(out ReadOnlySpan<byte> bytes); left--)
            wrong = Pass(bytes);
        if (_events.IsTooLong)
            wrong = "an event without end";
        if (_soFar.Tokens > tokens)
            TokensCame(_soFar.Tokens - tokens);
        return wrong;
    }

    private string? Pass(ReadOnlySpan<byte> bytes)
    {
        if (_done)
        {
            if (!_isResumed)
                _output.Append(bytes);   // whatever an engine has to say behind its end mark
            return null;
        }
        if (!AnswerEvent.TryRead(bytes, out AnswerEvent told))
            return "an event that is none";
        if (told.IsEngineError)
            return "an error in the stream";
        if (!AnswerSoFar.IsEmpty(told.Finish) && (bytes[told.Finish].SequenceEqual("abort"u8) || bytes[told.Finish].SequenceEqual("error"u8)))
            return "the engine gave the answer up";
        if (!AnswerSoFar.IsEmpty(told.Usage))
            TakeUsage(bytes[told.Usage]);
        if (told.IsDone)
            return Finish(bytes);
        if (_continuation.Kind == ContinuationKind.TokenIds)
            return Translate(bytes, told);
        if (_isResumed && _soFar.HasOpened)
            PassOn(bytes, told);
        else
        {
            _soFar.Note(bytes, told);
            _writer.Pass(bytes, told);
        }
        return null;
    }

    private string? Finish(ReadOnlySpan<byte> bytes)
    {
        if (_isResumed && _soFar.Finish is null)
            return "the end mark before the answer's end";
        if (_continuation.Kind == ContinuationKind.Anew)
        {
            _output.Append(bytes);
            _done = true;
        }
        else
            End();
        return null;
    }

    /// <summary>Writes the end the engine did not come to, or not in the client's form.</summary>
    private void End()
    {
        _writer.End(_cachedTokens);
        _done = true;
        if (_soFar.PromptTokens is { } prompt)
            _attempt.Usage ??= new TokenUsage(prompt, _cachedTokens, _soFar.Tokens);
    }

    /// <summary>Passes an event of the client's own kind of answer, which another engine goes on with.</summary>
    private void PassOn(ReadOnlySpan<byte> bytes, in AnswerEvent told)
    {
        bool onlyOpens = told.HasRole && !told.HasMoreThanText && AnswerSoFar.IsEmpty(told.Text) && AnswerSoFar.IsEmpty(told.Finish);
        _soFar.Note(bytes, told);
        if (!onlyOpens && (told.HasChoice || _continuation.Kind == ContinuationKind.Anew))
            _writer.PassUnderHead(bytes, told, ownUsage: _continuation.Kind == ContinuationKind.Text);
    }

    private void TakeUsage(ReadOnlySpan<byte> json)
    {
        if (Usage.Read(json) is not { } usage)
            return;
        _cachedTokens = usage.CachedTokens ?? _cachedTokens;
        if (_continuation.Kind == ContinuationKind.Text)
            _soFar.PromptTokens ??= usage.PromptTokens - (_soFar.Tokens - usage.CompletionTokens);
        _attempt.Usage = _continuation.Kind == ContinuationKind.Anew ? usage : new TokenUsage(_soFar.PromptTokens ?? usage.PromptTokens, usage.CachedTokens, _soFar.Tokens);
    }

    private void TokensCame(int tokens)
    {
        if (_resumedFor is { } reason)
        {
            bool isFirst = _attempt.LastTokenAt == 0;
            TimeSpan gap = _attempt.Time.GetElapsedTime(_shownAt);
            _resumption.Telemetry.Resumed(_attempt.Pool.Options.Name, reason, isFirst ? null : gap);
            if (_carriedAt is { } interToken)
                _resumption.Telemetry.CarriedOver(_attempt.Pool.Options.Name, gap, interToken);
            (_resumedFor, _carriedAt) = (null, null);
        }
        _attempt.Passed(tokens);
    }

    /// <summary>Nothing obliges an engine to end the last line.</summary>
    private bool IsDoneWithoutLineEnd()
    {
        if (!_done && AnswerEvent.TryRead(_events.Rest, out AnswerEvent told) && told.IsDone && Finish(_events.Rest) is not null)
            return false;
        _ended |= _done;
        return _done;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && _engine is not null)
        {
            _engine.Dispose();
            _engine = null;
            _resumption.Wish.Wake = null;
            GiveUpCarrying();
            _silence.Dispose();
            _events.Dispose();
            _output.Dispose();
            _soFar.Dispose();
            _continuation.Body?.Dispose();
            (_read, _ended) = (0, true);
        }
        base.Dispose(disposing);
    }
}
