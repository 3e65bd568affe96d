using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.Resuming;

namespace FleetRouter.Gateway.Forwarding;

/// <summary>An engine's event stream that cannot go on elsewhere, as the client gets it: YARP copies from here, so its flow control, flushing and
/// timeouts stay. Only whole events pass, so what a client has is always a point to resume from; tokens are counted as
/// they pass; an engine that breaks off ends in an error event instead of half a line.</summary>
/// <remarks>Reading is for one reader at a time, as YARP does it.</remarks>
internal sealed class WatchedStream(Stream engine, Attempt attempt) : PassingStream
{
    private const int FirstSize = 8 * 1024;

    /// <summary>An event longer than this is passed on in pieces.</summary>
    private const int LongestEvent = 4 * 1024 * 1024;

    private readonly SilenceAlarm _silence = new(attempt.Time);
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstSize);
    private int _start;   // what the client has not had yet begins here …
    private int _whole;   // … whole events end here …
    private int _end;     // … and what came of the next event ends here
    private bool _done, _ended;
    private bool _withinEvent;   // the client has the beginning of a long event already

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
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

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask FillAsync(CancellationToken cancellation)
    {
        MakeRoom();
        int read;
        try
        {
            read = await _silence.ReadAsync(engine, _buffer.AsMemory(_end), attempt.Patience, cancellation);
        }
        catch (Exception e) when (ConnectionLoss.Is(e) || e is SilenceException)
        {
            End(mayEndHere: false);
            return;
        }
        if (read == 0)
        {
            // A chat stream that ends without [DONE] looks complete to a client, but is not.
            End(mayEndHere: attempt.Request.Api is not (ApiKind.Chat or ApiKind.Completion));
            return;
        }
        int seen = _whole;
        _end += read;
        int boundary = LastBoundary(_buffer.AsSpan(seen, _end - seen));
        if (boundary > 0)
        {
            _whole = seen + boundary;
            _withinEvent = false;
            Inspect(seen);
        }
        else if (_end - seen > LongestEvent)
        {
            _whole = _end;
            _withinEvent = true;
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

    /// <summary>Where the first whole event ends; all of <paramref name="text"/> without one.</summary>
    private static int FirstBoundary(ReadOnlySpan<byte> text)
    {
        int at = text.IndexOf("\n\n"u8);
        return at >= 0 ? at + 2 : text.IndexOf("\r\n\r\n"u8) is >= 0 and var crlf ? crlf + 4 : text.Length;
    }

    /// <summary>Looks through the events that just became whole.</summary>
    private void Inspect(int from)
    {
        Span<byte> events = _buffer.AsSpan(from, _whole - from);
        attempt.Passed(Math.Max(1, events.Count("\n\n"u8)));
        _done |= HasDone(events);
        int usage = Usage.Find(events);
        if (usage < 0)
            return;
        attempt.Usage = Usage.Read(events[usage..]) ?? attempt.Usage;
        if (attempt.HidesUsage)
            DropUsageEvent(from, usage);
    }

    /// <summary>Whether the end mark is among the events: on a line of its own, where no text of an answer can be.</summary>
    private static bool HasDone(ReadOnlySpan<byte> events)
    {
        int at = events.LastIndexOf("[DONE]"u8);
        if (at < 0)
            return false;
        ReadOnlySpan<byte> before = events[..at].TrimEnd((byte)' ');
        return before.EndsWith("data:"u8) && (before.Length == 5 || before[^6] is (byte)'\n' or (byte)'\r');
    }

    /// <summary>Takes out the event that holds the usage, if it holds no choice: the client did not ask for it.</summary>
    private void DropUsageEvent(int from, int usage)
    {
        ReadOnlySpan<byte> events = _buffer.AsSpan(from, _whole - from);
        int start = LastBoundary(events[..usage]);
        int length = usage + FirstBoundary(events[usage..]) - start;
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
    /// <param name="mayEndHere">Whether this is an end without the end mark too.</param>
    private void End(bool mayEndHere)
    {
        _ended = true;
        // Nothing obliges an engine to end the last line.
        _done |= HasDone(_buffer.AsSpan(_whole, _end - _whole));
        attempt.Broke = !_done && !mayEndHere;
        if (!attempt.Broke)
        {
            _whole = _end;
            return;
        }
        _end = _whole;
        if (_withinEvent)
            Append("\n\n"u8);
        Append(BrokenNotice.Of(attempt.Request.Api, attempt.Terms.Obstacle ?? "resume-off"));
        _whole = _end;
    }

    private void Append(ReadOnlySpan<byte> text)
    {
        while (_buffer.Length - _end < text.Length)
            Grow();
        text.CopyTo(_buffer.AsSpan(_end));
        _end += text.Length;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && _buffer.Length > 0)
        {
            engine.Dispose();
            _silence.Dispose();
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
            (_start, _whole, _end, _ended) = (0, 0, 0, true);
        }
        base.Dispose(disposing);
    }
}
