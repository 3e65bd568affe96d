namespace FleetRouter.LoadGen.Client;

/// <summary>
/// Server-sent events out of a byte stream, incrementally and in place: bytes are read into the reader's own buffer and
/// events are spans of it. Lines may end in LF, CRLF or CR LF cut in two; comments and fields other than data and event
/// are passed over; several data lines of one event are joined by LF, as the standard says.
/// </summary>
internal sealed class SseReader
{
    /// <summary>No event of an engine is near this: a longer one is not an event stream.</summary>
    private const int LongestEvent = 16 * 1024 * 1024;

    private byte[] _buffer = new byte[4096];
    private int _start, _scanned, _end;
    private byte[]? _joined;

    /// <summary>Where to read the next bytes to; never empty.</summary>
    public Memory<byte> Free
    {
        get
        {
            if (_start > 0)
            {
                _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
                (_scanned, _end, _start) = (_scanned - _start, _end - _start, 0);
            }
            if (_end == _buffer.Length)
            {
                if (_buffer.Length >= LongestEvent) throw new InvalidDataException("an event is longer than 16 MiB");
                Array.Resize(ref _buffer, _buffer.Length * 2);
            }
            return _buffer.AsMemory(_end);
        }
    }

    /// <summary>Says how many bytes were read into <see cref="Free"/>.</summary>
    public void Filled(int bytes) => _end += bytes;

    /// <summary>The next whole event that carries data. The spans hold until the next call of anything here.</summary>
    public bool TryRead(out ReadOnlySpan<byte> data, out ReadOnlySpan<byte> name)
    {
        while (true)
        {
            var lineEnd = _buffer.AsSpan(_scanned, _end - _scanned).IndexOf((byte)'\n');
            if (lineEnd < 0)
            {
                data = name = default;
                return false;
            }
            var line = Trimmed(_buffer.AsSpan(_scanned, lineEnd));
            _scanned += lineEnd + 1;
            if (line.Length > 0) continue;
            // A blank line ends the event that began at _start.
            var whole = _buffer.AsSpan(_start, _scanned - _start);
            _start = _scanned;
            if (Parse(whole, out data, out name)) return true;
        }
    }

    private bool Parse(ReadOnlySpan<byte> whole, out ReadOnlySpan<byte> data, out ReadOnlySpan<byte> name)
    {
        data = name = default;
        var lines = 0;
        while (whole.Length > 0)
        {
            var lineEnd = whole.IndexOf((byte)'\n');
            var line = Trimmed(whole[..lineEnd]);
            whole = whole[(lineEnd + 1)..];
            if (line.StartsWith("data:"u8)) data = lines++ == 0 ? Value(line, 5) : Join(data, Value(line, 5));
            else if (line.StartsWith("event:"u8)) name = Value(line, 6);
        }
        return lines > 0;
    }

    private ReadOnlySpan<byte> Join(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        _joined = [.. first, (byte)'\n', .. second];
        return _joined;
    }

    private static ReadOnlySpan<byte> Value(ReadOnlySpan<byte> line, int from) =>
        line.Length > from && line[from] == ' ' ? line[(from + 1)..] : line[from..];

    private static ReadOnlySpan<byte> Trimmed(ReadOnlySpan<byte> line) => line.EndsWith("\r"u8) ? line[..^1] : line;
}
