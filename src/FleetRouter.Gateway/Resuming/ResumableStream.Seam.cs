using System.Text;
using System.Text.Json;
using FleetRouter.Gateway.Forwarding;
using FleetRouter.Hosting;

namespace FleetRouter.Gateway.Resuming;

/// <summary>What a plain completion does not do of what the client's own call would have: look for stop strings that begin before the seam,
/// tell reasoning from text.</summary>
internal sealed partial class ResumableStream
{
    private StopStrings? _stops;
    private ReasoningEnd? _reasoningEnd;

    private enum SeamFinding
    {
        Found,

        /// <summary>The engine cannot tell, or what it tells does not fit the answer.</summary>
        NotThere,

        /// <summary>The engine cannot be reached.</summary>
        Unreachable,
    }

    /// <summary>Finds what it takes to go on by ids: the token that ends reasoning, and what the engine made but held back because it might become a stop
    /// string.</summary>
    private async Task<SeamFinding> FindSeamAsync(Placement at, CancellationToken cancellation)
    {
        SeamFinding found;
        try
        {
            found = await LookForSeamAsync(at, cancellation);
        }
        catch (Exception e) when (ConnectionLoss.Is(e))
        {
            found = SeamFinding.Unreachable;
        }
        if (found != SeamFinding.Found)
            ForgetNewSeam();
        return found;
    }

    private async Task<SeamFinding> LookForSeamAsync(Placement at, CancellationToken cancellation)
    {
        bool isNew = _reasoningEnd is null;
        if (isNew && _soFar.IsReasoning && (_reasoningEnd = await FindReasoningEndAsync(at, cancellation)) is null)
            return SeamFinding.NotThere;
        if (IsUntold && await FindReasoningEndAsync(at, cancellation) is not null)
            return SeamFinding.NotThere;
        string unshown = "";
        if (_attempt.Terms.HasStop && _stops is null && StopStrings.Of(_resumption.Body.Span, _attempt.Terms) is { } stops)
        {
            string? made = await TextOfAsync(_soFar.AnswerIds, at, cancellation);
            if (made is not null && _soFar.IsReasoning)
                made = _reasoningEnd!.Marks.Inside(made);
            else if (made is not null && _soFar.Reasoning.Length > 0)
                made = ReasoningMarks.BehindAny(made) ?? made;
            string shown = StopStrings.Unescape(_soFar.IsReasoning ? _soFar.Reasoning : _soFar.Text);
            if (made is null || !made.StartsWith(shown, StringComparison.Ordinal) || made.EndsWith('\uFFFD'))
                return SeamFinding.NotThere;
            (_stops, unshown) = (stops, made[shown.Length..]);
            if (isNew)
                _reasoningEnd?.Begin(_soFar.AnswerIds.Span, unshown);
            (string last, string? stop) = stops.Begin(shown, unshown, _soFar.Tokens > _attempt.Terms.MinTokens);
            if (stop is not null)
                StopAt(last, stop);
        }
        else if (isNew)
            _reasoningEnd?.Begin(_soFar.AnswerIds.Span, "");
        return SeamFinding.Found;
    }

    /// <summary>Whether the client has ids and neither text nor reasoning yet: they may be those of the token before reasoning, which is not text.</summary>
    private bool IsUntold => _attempt.Terms.IsChat && _soFar.Text.IsEmpty && _soFar.Reasoning.IsEmpty;

    /// <summary>The text of some tokens of the answer; null where the engine cannot tell.</summary>
    private async Task<string?> TextOfAsync(ReadOnlyMemory<byte> ids, Placement at, CancellationToken cancellation)
    {
        using PooledBytes body = Ask("tokens");
        body.Append("["u8);
        body.Append(ids.Span);
        body.Append("]}"u8);
        return await _resumption.Calls.AskAsync(_attempt, at, "/detokenize", body.Memory, answer => answer.GetProperty("prompt").GetString(), cancellation);
    }

    /// <summary>Finds the one token that ends the model's reasoning; null where there is none.</summary>
    private async Task<ReasoningEnd?> FindReasoningEndAsync(Placement at, CancellationToken cancellation)
    {
        foreach (ReasoningMarks marks in ReasoningMarks.Known)
        {
            using PooledBytes body = Ask("prompt");
            body.Append(JsonSerializer.SerializeToUtf8Bytes(marks.Behind));
            body.Append(",\"add_special_tokens\":false}"u8);
            int[]? ids = await _resumption.Calls.AskAsync(
                _attempt, at, "/tokenize", body.Memory, answer => answer.GetProperty("tokens").EnumerateArray().Select(id => id.GetInt32()).ToArray(), cancellation);
            if (ids is [var id])
                return new ReasoningEnd(marks, id);
        }
        return null;
    }

    /// <summary>The beginning of a call about tokens, up to a field's value.</summary>
    private PooledBytes Ask(string field)
    {
        var body = new PooledBytes();
        body.Append("{\"model\":"u8);
        body.Append(JsonSerializer.SerializeToUtf8Bytes(_attempt.Request.Model));
        body.Append(Encoding.ASCII.GetBytes($",\"{field}\":"));
        return body;
    }

    /// <summary>Passes an event of a plain completion as one of the client's own kind; answers what is wrong with it, if anything is.</summary>
    private string? Translate(ReadOnlySpan<byte> bytes, in AnswerEvent told)
    {
        if (!told.HasChoice)
            return null;
        ReadOnlySpan<byte> made = AnswerSoFar.Inner(bytes, told.TokenIds);
        ReadOnlySpan<byte> ids = _soFar.Fresh(made);
        if (_soFar.IsAstray)
            return "a token made again came out otherwise";
        _soFar.NoteTokens(bytes, told);
        ReadOnlySpan<byte> text = told.HasText ? bytes[told.Text] : default;
        ReadOnlySpan<byte> finish = bytes[told.Finish];
        ReadOnlySpan<byte> stopReason = bytes[told.StopReason];
        if (_stops is null && _reasoningEnd is null)
            Write(default, text, finish, stopReason, ids);
        else
        {
            string shown = StopStrings.Unescape(text);
            if (_reasoningEnd?.Made(made, shown) == false)
                return "reasoning that ends nobody can tell where";
            string? stop = null;
            if (_stops is not null)
                (shown, stop) = _stops.Take(shown, _soFar.Tokens > _attempt.Terms.MinTokens, !finish.IsEmpty);
            if (stop is not null)
            {
                StopAt(shown, stop, ids);   // the engine does not know of the stop string; it is cut off
                _engine!.Dispose();
                return null;
            }
            Show(shown, finish, stopReason, ids);
        }
        if (!finish.IsEmpty)
            _soFar.NoteFinish(Encoding.UTF8.GetString(finish));
        return null;
    }

    /// <summary>Ends an answer that has come to its stop string.</summary>
    private void StopAt(string last, string stop, ReadOnlySpan<byte> ids = default)
    {
        Show(last, "stop"u8, JsonSerializer.SerializeToUtf8Bytes(stop), ids);
        _soFar.NoteFinish("stop");
        End();
        _ended = true;
    }

    /// <summary>Shows what a plain completion made, as the client's own call would have.</summary>
    private void Show(string made, ReadOnlySpan<byte> finish, ReadOnlySpan<byte> stopReason, ReadOnlySpan<byte> ids)
    {
        (string reasoning, string text) = _reasoningEnd?.Part(made) ?? ("", made);
        Write(AnswerWriter.Escape(reasoning), AnswerWriter.Escape(text), finish, stopReason, ids);
    }

    private void Write(ReadOnlySpan<byte> reasoning, ReadOnlySpan<byte> text, ReadOnlySpan<byte> finish, ReadOnlySpan<byte> stopReason, ReadOnlySpan<byte> ids)
    {
        _soFar.NoteShown(reasoning, text);
        _writer.Write(reasoning, text, finish, stopReason, ids);
    }

    private void ForgetSeam() => (_stops, _reasoningEnd) = (null, null);

    /// <summary>Whoever does not go on by ids makes the client's own kind of answer, and looks for all that itself.</summary>
    private void ForgetNewSeam()
    {
        if (_continuation.Kind != ContinuationKind.TokenIds)
            ForgetSeam();
    }
}
