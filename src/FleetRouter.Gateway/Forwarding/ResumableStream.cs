using System.Buffers;
using System.Text.Json;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Gateway.Forwarding;

/// <summary>An engine's event stream as the client gets it: YARP copies from here, so its flow control, flushing and
/// timeouts stay. Only whole events pass, so what a client has is always a point to resume from; tokens are counted as
/// they pass; an engine that breaks off ends in an error event instead of half a line.</summary>
/// <remarks>Reading is for one reader at a time, as YARP does it.</remarks>
internal sealed class ResumableStream(Stream engine, Attempt attempt) : PassingStream
{
    private const int FirstSize = 8 * 1024;

    /// <summary>An event longer than this is passed on in pieces.</summary>
    private const int LongestEvent = 4 * 1024 * 1024;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstSize);
    private int _start;   // what the client has not had yet begins here …
    private int _whole;   // … whole events end here …
    private int _end;     // … and what came of the next event ends here
    private bool _done, _ended;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellation = default)
    {
        while (_start == _whole)
        {
            if (_ended)
                return 0;
            await FillAsync(cancellation);
        }
        int count = Math.Min(buffer.Length, _whole - _start);
        _buffer.AsSpan(_start, count).CopyTo(buffer.Span);
        _start += count;
        return count;
    }

    private async ValueTask FillAsync(CancellationToken cancellation)
    {
        MakeRoom();
        int read;
        try
        {
            read = await engine.ReadAsync(_buffer.AsMemory(_end), cancellation);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            End(broke: true);
            return;
        }
        if (read == 0)
        {
            // A chat stream that ends without [DONE] looks complete to a client, but is not.
            End(broke: !_done && (attempt.Request.Api is ApiKind.Chat or ApiKind.Completion));
            return;
        }
        int seen = _whole;
        _end += read;
        int boundary = LastBoundary(_buffer.AsSpan(seen, _end - seen));
        if (boundary > 0)
        {
            _whole = seen + boundary;
            Inspect(seen);
        }
        else if (_end - seen > LongestEvent)
        {
            _whole = _end;
        }
    }

    private void MakeRoom()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_whole, _end, _start) = (_whole - _start, _end - _start, 0);
        }
        if (_end == _buffer.Length)
            Grow();
    }

    private void Grow()
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        _buffer.AsSpan(0, _end).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    /// <summary>Where the last whole event ends; 0 without one.</summary>
    private static int LastBoundary(ReadOnlySpan<byte> text)
    {
        int at = text.LastIndexOf("\n\n"u8);
        return at >= 0 ? at + 2 : text.LastIndexOf("\r\n\r\n"u8) is >= 0 and var crlf ? crlf + 4 : 0;
    }

    /// <summary>Looks through the events that just became whole.</summary>
    private void Inspect(int from)
    {
        Span<byte> events = _buffer.AsSpan(from, _whole - from);
        attempt.Passed(Math.Max(1, events.Count("\n\n"u8)));
        _done |= EndsWithDone(events);
        int usage = Usage.Find(events);
        if (usage < 0)
            return;
        attempt.Usage = Usage.Read(events[usage..]) ?? attempt.Usage;
        if (attempt.HidesUsage)
            DropUsageEvent(from, usage);
    }

    private static bool EndsWithDone(ReadOnlySpan<byte> events)
    {
        ReadOnlySpan<byte> text = events.TrimEnd("\r\n"u8);
        return text.EndsWith("data: [DONE]"u8) || text.EndsWith("data:[DONE]"u8);
    }

    /// <summary>Takes out the event that holds the usage, if it holds no choice: the client did not ask for it.</summary>
    private void DropUsageEvent(int from, int usage)
    {
        ReadOnlySpan<byte> events = _buffer.AsSpan(from, _whole - from);
        int start = LastBoundary(events[..usage]);
        int length = events[usage..].IndexOf("\n\n"u8) is >= 0 and var lf ? usage + lf + 2 - start : events.Length - start;
        if (!HasNoChoice(events.Slice(start, length)))
            return;
        int cut = from + start;
        _buffer.AsSpan(cut + length, _end - cut - length).CopyTo(_buffer.AsSpan(cut));
        (_whole, _end) = (_whole - length, _end - length);
    }

    private static bool HasNoChoice(ReadOnlySpan<byte> @event)
    {
        int open = @event.IndexOf((byte)'{');
        if (open < 0)
            return false;
        try
        {
            var json = new Utf8JsonReader(@event[open..], isFinalBlock: false, default);
            while (json.Read())
                if (json.CurrentDepth == 1 && json.TokenType == JsonTokenType.PropertyName && json.ValueTextEquals("choices"u8))
                    return json.Read() && json.TokenType == JsonTokenType.StartArray && json.Read() && json.TokenType == JsonTokenType.EndArray;
        }
        catch (JsonException)
        {
            // Not an event of ours to judge.
        }
        return false;
    }

    /// <summary>The engine will say no more. Where it broke off, half an event is dropped and the client told.</summary>
    private void End(bool broke)
    {
        _ended = true;
        attempt.Broke = broke;
        if (!broke)
        {
            _whole = _end;
            return;
        }
        ReadOnlySpan<byte> notice = BrokenNotice(attempt.Request.Api);
        _end = _whole;
        while (_buffer.Length - _end < notice.Length)
            Grow();
        notice.CopyTo(_buffer.AsSpan(_end));
        _whole = _end += notice.Length;
    }

    private static ReadOnlySpan<byte> BrokenNotice(ApiKind api) => api == ApiKind.Response
        ? """
          event: error
          data: {"type":"error","code":"engine_stream_broken","message":"The engine broke off in the middle of the answer. Ask again.","param":null,"retryable":true}


          """u8
        : """
          data: {"error":{"message":"The engine broke off in the middle of the answer. Ask again.","type":"service_unavailable_error","param":null,"code":"engine_stream_broken","retryable":true}}


          """u8;

    protected override void Dispose(bool disposing)
    {
        if (disposing && _buffer.Length > 0)
        {
            engine.Dispose();
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
            (_start, _whole, _end, _ended) = (0, 0, 0, true);
        }
        base.Dispose(disposing);
    }
}
