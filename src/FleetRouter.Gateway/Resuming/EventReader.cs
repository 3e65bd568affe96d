namespace FleetRouter.Gateway.Resuming;

/// <summary>Whole events out of an engine's event stream, however its bytes come in pieces.</summary>
internal sealed class EventReader : IDisposable
{
    private const int ReadSize = 8 * 1024;

    /// <summary>No event is longer; a prompt of a million token ids takes less.</summary>
    private const int LongestEvent = 16 * 1024 * 1024;

    private readonly PooledBytes _bytes = new();
    private int _start;    // the next event begins here
    private int _looked;   // up to here there is no event's end

    /// <summary>The room for what is read next.</summary>
    public Memory<byte> Room()
    {
        if (_start > 0)
        {
            Span<byte> all = System.Runtime.InteropServices.MemoryMarshal.AsMemory(_bytes.Memory).Span;
            all[_start..].CopyTo(all);
            _bytes.CutTo(all.Length - _start);
            (_start, _looked) = (0, _looked - _start);
        }
        return _bytes.GetMemory(ReadSize);
    }

    /// <summary>So many bytes were read.</summary>
    public void Came(int count) => _bytes.Advance(count);

    /// <summary>Whether what came is no stream of events.</summary>
    public bool IsTooLong => _bytes.Length - _start > LongestEvent;

    /// <summary>The next whole event, with the blank line that ends it. Valid until the next call of <see cref="Room"/>.</summary>
    public bool TryTake(out ReadOnlySpan<byte> whole)
    {
        ReadOnlySpan<byte> rest = _bytes.Span[_start..];
        int from = Math.Max(0, _looked - _start - 3);
        int length = EndOfEvent(rest, from);
        _looked = length < 0 ? _bytes.Length : _start + length;
        if (length < 0)
        {
            whole = default;
            return false;
        }
        whole = rest[..length];
        _start += length;
        return true;
    }

    /// <summary>Whether a whole event that came and was not taken yet has something of the answer: text, an id, a tool call, its end.</summary>
    public bool HasToken()
    {
        for (ReadOnlySpan<byte> rest = Rest; EndOfEvent(rest, 0) is > 0 and var length; rest = rest[length..])
            if (!AnswerEvent.TryRead(rest[..length], out AnswerEvent told) || !AnswerSoFar.IsEmpty(told.Text) || !AnswerSoFar.IsEmpty(told.TokenIds) || !AnswerSoFar.IsEmpty(told.Finish)
                || told.HasMoreThanText)
                return true;
        return false;
    }

    /// <summary>Whole events that came and were not taken yet.</summary>
    public int Whole
    {
        get
        {
            int count = 0;
            for (ReadOnlySpan<byte> rest = Rest; EndOfEvent(rest, 0) is > 0 and var length; rest = rest[length..])
                count++;
            return count;
        }
    }

    /// <summary>What came behind the last whole event: nothing obliges an engine to end its last line.</summary>
    public ReadOnlySpan<byte> Rest => _bytes.Span[_start..];

    /// <summary>Forgets all that came.</summary>
    public void Clear()
    {
        _bytes.CutTo(0);
        (_start, _looked) = (0, 0);
    }

    public void Dispose() => _bytes.Dispose();

    private static int EndOfEvent(ReadOnlySpan<byte> text, int from)
    {
        for (int at = from; at < text.Length; at++)
        {
            int line = text[at..].IndexOf((byte)'\n');
            if (line < 0)
                return -1;
            at += line;
            if (at > 0 && text[at - 1] == '\n' || at > 2 && text[at - 1] == '\r' && text[at - 2] == '\n')
                return at + 1;
        }
        return -1;
    }
}
