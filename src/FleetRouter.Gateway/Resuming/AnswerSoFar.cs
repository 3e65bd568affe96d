using System.Text;

namespace FleetRouter.Gateway.Resuming;

/// <summary>What a client has of its answer: all that it takes to go on with it on another engine.</summary>
/// <param name="idsAreShown">Whether the client gets the ids of the tokens too.</param>
internal sealed class AnswerSoFar(bool idsAreShown) : IDisposable
{
    private readonly PooledBytes _ids = new();    // the prompt's and the answer's, comma-separated, as the engine wrote them
    private readonly PooledBytes _text = new(), _reasoning = new();   // as they stand in JSON
    private int _promptIds;                       // where the prompt's end
    private int _syncedIds, _syncedTokens;        // of these, those whose text has come
    private Queue<string> _ahead = new();   // ids the client has of tokens that are made again
    private bool _idsAreMissing;

    /// <summary>Tokens of the answer the engines have told of; where they do not tell ids, events with text.</summary>
    public int Tokens { get; private set; }

    /// <summary>Tokens of the prompt; null where the engine does not tell ids.</summary>
    public int? PromptTokens { get; set; }

    /// <summary>The beginning of each of the answer's events, up to its choices: id, time, model.</summary>
    public byte[]? Head { get; private set; }

    /// <summary>Ids of prompt and answer, comma-separated; to be trusted if <see cref="HasIds"/>.</summary>
    public ReadOnlySpan<byte> Ids => _ids.Span;

    /// <summary>Whether the text of every token has come.</summary>
    public bool IsInStep => Tokens == _syncedTokens;

    /// <summary>Ids of the answer alone.</summary>
    public ReadOnlyMemory<byte> AnswerIds => _ids.Memory[_promptIds..].TrimStart((byte)',');

    /// <summary>The text the client has, as it stands in JSON.</summary>
    public ReadOnlySpan<byte> Text => _text.Span;

    /// <summary>The reasoning the client has, as it stands in JSON.</summary>
    public ReadOnlySpan<byte> Reasoning => _reasoning.Span;

    /// <summary>The names the client knows it by.</summary>
    public ReasoningNames ReasoningNames { get; private set; }

    /// <summary>Whether what the client has ends in reasoning.</summary>
    public bool IsReasoning { get; private set; }

    /// <summary>Whether the engine told the ids of the prompt and of every token since.</summary>
    public bool HasIds => PromptTokens is not null && !_idsAreMissing;

    /// <summary>The client has the event that opens a chat's answer.</summary>
    public bool HasOpened { get; private set; }

    /// <summary>What the client has of the answer that cannot go on elsewhere in any way: a tool call, a refusal; null for nothing.</summary>
    public string? Obstacle { get; private set; }

    /// <summary>Nothing of the answer was shown yet: it may as well begin anew.</summary>
    public bool IsBlank => _text.Length == 0 && _reasoning.Length == 0 && Obstacle is null && !(idsAreShown && Tokens + _ahead.Count > 0);

    /// <summary>The finish reason the client has; null before.</summary>
    public string? Finish { get; private set; }

    /// <summary>Notes an event that the client gets as the engine wrote it.</summary>
    /// <param name="bytes">The whole event.</param>
    /// <param name="told">What it says.</param>
    public void Note(ReadOnlySpan<byte> bytes, in AnswerEvent told)
    {
        if (told.Choices > 0)
            Head ??= bytes[told.Data.Start..told.Choices].ToArray();
        if (PromptTokens is null && Tokens == 0 && Inner(bytes, told.PromptTokenIds) is { Length: > 0 } prompt)
        {
            _ids.Append(prompt);
            PromptTokens = prompt.Count((byte)',') + 1;
            _promptIds = _syncedIds = _ids.Length;
        }
        if (!told.HasChoice)
            return;
        HasOpened = true;
        NoteTokens(bytes, told);
        NoteShown(bytes[told.Reasoning], told.HasText ? bytes[told.Text] : default);
        ReasoningNames |= told.ReasoningNames;
        if (told.HasToolCalls)
            Obstacle = "tool-call-in-flight";
        else if (told.HasRefusal)
            Obstacle ??= "refusal-in-flight";
        if (!IsEmpty(told.Finish))
            Finish = Encoding.UTF8.GetString(bytes[told.Finish]);
    }

    /// <summary>Notes the tokens of an event, not what of their text is shown.</summary>
    public void NoteTokens(ReadOnlySpan<byte> bytes, in AnswerEvent told)
    {
        ReadOnlySpan<byte> ids = Inner(bytes, told.TokenIds);
        bool hasText = told.HasReasoning || told.HasText && !IsEmpty(told.Text);
        if (ids.Length > 0)
        {
            _ids.Append(","u8);
            _ids.Append(ids);
            Tokens += ids.Count((byte)',') + 1;
        }
        else if (hasText || told.HasMoreThanText)
        {
            _idsAreMissing = true;
            Tokens++;
        }
        if (hasText)
            (_syncedIds, _syncedTokens) = (_ids.Length, Tokens);
    }

    /// <summary>Notes what is shown; text ends the reasoning before it.</summary>
    public void NoteShown(ReadOnlySpan<byte> reasoning, ReadOnlySpan<byte> text)
    {
        _reasoning.Append(reasoning);
        _text.Append(text);
        IsReasoning = text.IsEmpty && (IsReasoning || !reasoning.IsEmpty);
    }

    /// <summary>Notes how the answer ended.</summary>
    public void NoteFinish(string reason) => Finish = reason;

    /// <summary>Forgets tokens whose text has not come, part of a character perhaps: they are made again. Ids of them the client has are not
    /// shown twice.</summary>
    public void ForgetUnshown()
    {
        if (idsAreShown && Tokens > _syncedTokens)
            _ahead = new Queue<string>(Encoding.ASCII.GetString(_ids.Span[_syncedIds..])
                .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Concat(_ahead));
        _ids.CutTo(_syncedIds);
        Tokens = _syncedTokens;
    }

    /// <summary>Those of an event's ids that the client does not have.</summary>
    public ReadOnlySpan<byte> Fresh(ReadOnlySpan<byte> ids)
    {
        while (_ahead.Count > 0 && ids.Length > 0)
        {
            int comma = ids.IndexOf((byte)',');
            string id = Encoding.ASCII.GetString(comma < 0 ? ids : ids[..comma]).Trim();
            IsAstray |= _ahead.Dequeue() != id;
            ids = comma < 0 ? default : ids[(comma + 1)..];
        }
        return ids;
    }

    /// <summary>Tokens the client has the ids of were made again, and came out otherwise.</summary>
    public bool IsAstray { get; private set; }

    /// <summary>Forgets the answer, of which the client has nothing.</summary>
    public void Restart()
    {
        _text.CutTo(0);
        _reasoning.CutTo(0);
        _ids.CutTo(_promptIds);
        (Tokens, _syncedIds, _syncedTokens) = (0, _promptIds, 0);
        (Obstacle, Head, HasOpened, IsReasoning, _idsAreMissing) = (null, null, false, false, false);
    }

    /// <summary>Ids between their brackets.</summary>
    public static ReadOnlySpan<byte> Inner(ReadOnlySpan<byte> bytes, Range list) => IsEmpty(list) ? default : bytes[list][1..^1].Trim(" \t\r\n"u8);

    public static bool IsEmpty(Range range) => range.Start.Value == range.End.Value;

    public void Dispose()
    {
        _ids.Dispose();
        _text.Dispose();
        _reasoning.Dispose();
    }
}
