using System.Buffers;

namespace FleetRouter.Gateway.Resuming;

/// <summary>Reads the events of one answer. Nearly all of them differ from the one before in their text and one token's id alone; such an event
/// is known by comparing bytes, which takes a fraction of the time of reading its JSON.</summary>
internal sealed class EventPattern : IDisposable
{
    /// <summary>What ends a text or makes it more than plain: a quote, a backslash, and control characters, which JSON forbids.</summary>
    private static readonly SearchValues<byte> NotPlain = SearchValues.Create([.. Enumerable.Range(0, ' ').Select(c => (byte)c), (byte)'"', (byte)'\\']);

    private readonly PooledBytes _last = new();   // the event others are compared with; empty for none
    private AnswerEvent _told;                    // what it says

    /// <summary>Reads an event, as <see cref="AnswerEvent.TryRead"/> does.</summary>
    public bool TryRead(ReadOnlySpan<byte> bytes, out AnswerEvent read)
    {
        if (_last.Length > 0 && IsLikeLast(bytes, out read))
            return true;
        if (!AnswerEvent.TryRead(bytes, out read))
            return false;
        if (IsPattern(bytes, read))
        {
            _last.CutTo(0);
            _last.Append(bytes);
            _told = read;
        }
        return true;
    }

    private bool IsLikeLast(ReadOnlySpan<byte> bytes, out AnswerEvent read)
    {
        read = _told;
        ReadOnlySpan<byte> last = _last.Span;
        (int at, int textEnd) = (_told.Text.Start.Value, _told.Text.End.Value);
        if (bytes.Length < at || !bytes[..at].SequenceEqual(last[..at]))
            return false;
        int length = bytes[at..].IndexOfAny(NotPlain);
        if (length < 0)
            return false;
        read.Text = at..(at + length);
        int shift = at + length - textEnd;
        int rest = textEnd;
        if (!AnswerSoFar.IsEmpty(_told.TokenIds))
        {
            (int ids, int idsEnd) = (_told.TokenIds.Start.Value + 1, _told.TokenIds.End.Value - 1);
            int began = ids + shift;
            if (bytes.Length < began || !bytes[(at + length)..began].SequenceEqual(last[textEnd..ids]))
                return false;
            int digits = bytes[began..].IndexOfAnyExceptInRange((byte)'0', (byte)'9');
            if (!IsOneId(bytes.Slice(began, Math.Max(0, digits))))
                return false;
            read.TokenIds = (began - 1)..(began + digits + 1);
            (shift, rest) = (began + digits - idsEnd, idsEnd);
        }
        read.Data = _told.Data.Start..(_told.Data.End.Value + shift);
        return bytes[(rest + shift)..].SequenceEqual(last[rest..]);
    }

    /// <summary>Whether all that an event says is its text, and perhaps one id behind it.</summary>
    private static bool IsPattern(ReadOnlySpan<byte> bytes, in AnswerEvent told) =>
        !AnswerSoFar.IsEmpty(told.Text) && AnswerSoFar.IsEmpty(told.Finish) && AnswerSoFar.IsEmpty(told.StopReason)
        && AnswerSoFar.IsEmpty(told.PromptTokenIds) && AnswerSoFar.IsEmpty(told.Usage)
        && (AnswerSoFar.IsEmpty(told.TokenIds) || told.TokenIds.Start.Value >= told.Text.End.Value && IsOneId(bytes[told.TokenIds][1..^1]));

    private static bool IsOneId(ReadOnlySpan<byte> text) =>
        text.Length > 0 && !text.ContainsAnyExceptInRange((byte)'0', (byte)'9') && (text[0] != '0' || text.Length == 1);

    public void Dispose() => _last.Dispose();
}
