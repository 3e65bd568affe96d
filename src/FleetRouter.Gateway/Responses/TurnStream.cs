using System.Text.Json;
using FleetRouter.Gateway.Forwarding;
using FleetRouter.Gateway.Resuming;

namespace FleetRouter.Gateway.Responses;

/// <summary>The events of an answer as its client gets them: under the router's own id, and the one that ends it only once the answer is kept.
/// All else passes byte for byte.</summary>
/// <remarks>Reading is for one reader at a time, as YARP does it.</remarks>
internal sealed class TurnStream(PassingStream events, Attempt attempt, ResponseTurn turn) : PassingStream
{
    private readonly EventReader _events = new();
    private readonly PooledBytes _ready = new();
    private byte[]? _final;   // the whole answer, to be kept before its event passes
    private int _read;
    private bool _isWhole, _ended;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellation = default)
    {
        while (_read == _ready.Length)
        {
            if (_ended)
                return 0;
            _ready.CutTo(0);
            _read = 0;
            await FillAsync(cancellation);
        }
        int count = Math.Min(buffer.Length, _ready.Length - _read);
        _ready.Span.Slice(_read, count).CopyTo(buffer.Span);
        _read += count;
        return count;
    }

    private async ValueTask FillAsync(CancellationToken cancellation)
    {
        int read = await events.ReadAsync(_events.Room(), cancellation);
        _events.Came(read);
        while (_events.TryTake(out ReadOnlySpan<byte> whole))
            Take(whole);
        if (read == 0)
            TakeRest();
        if (_final is { } answer)
        {
            _final = null;
            await turn.KeepAsync(answer, cancellation);
        }
        if (read == 0 || _events.IsTooLong)
            End();
    }

    /// <summary>Nothing obliges an engine to end its last event. Half of one passes only behind the whole answer.</summary>
    private void TakeRest()
    {
        ReadOnlySpan<byte> rest = _events.Rest;
        if (_isWhole)
            _ready.Append(rest);
        else if (TryFind(rest, out _, out bool isFinal) && isFinal)
            Take(rest);
    }

    private void Take(ReadOnlySpan<byte> whole)
    {
        if (!TryFind(whole, out Range response, out bool isFinal))
        {
            _ready.Append(whole);
            return;
        }
        int before = _ready.Length;
        _ready.Append(whole[..response.Start.Value]);
        int from = _ready.Length;
        if (!ResponseObject.TryRewrite(whole[response], turn, _ready))
        {
            _ready.CutTo(before);
            _ready.Append(whole);
            return;
        }
        if (isFinal)
        {
            _isWhole = true;
            _final = turn.IsKept ? _ready.Span[from..].ToArray() : null;
        }
        _ready.Append(whole[response.End.Value..]);
    }

    /// <summary>Where the answer stands in an event that carries it; nearly all carry only a piece.</summary>
    private static bool TryFind(ReadOnlySpan<byte> whole, out Range response, out bool isFinal)
    {
        (response, isFinal) = (default, false);
        // A quoted "response" within a text is escaped, so it is never taken for the field.
        if (whole.IndexOf("\"response\""u8) < 0 || !AnswerEvent.FindData(whole, out Range data))
            return false;
        try
        {
            var json = new Utf8JsonReader(whole[data]);
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
                return false;
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                bool isType = json.ValueTextEquals("type"u8), isResponse = json.ValueTextEquals("response"u8);
                Range value = FrontDoor.RequestReader.Value(ref json);
                if (isType && json.TokenType == JsonTokenType.String)
                    isFinal = json.ValueTextEquals("response.completed"u8) || json.ValueTextEquals("response.incomplete"u8) || json.ValueTextEquals("response.failed"u8);
                else if (isResponse && json.TokenType == JsonTokenType.EndObject)
                    response = (data.Start.Value + value.Start.Value)..(data.Start.Value + value.End.Value);
            }
            return !AnswerSoFar.IsEmpty(response);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>The engine will say no more. Without the event that has the whole answer it has broken off, however politely.</summary>
    private void End()
    {
        _ended = true;
        bool isCut = _events.IsTooLong;
        if (!isCut && (_isWhole || attempt.Broke))
            return;
        attempt.Broke = true;
        _ready.Append(BrokenNotice.Of(attempt.Request.Api, attempt.Terms.Obstacle ?? "api"));
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            events.Dispose();
            _events.Dispose();
            _ready.Dispose();
            (_read, _ended) = (0, true);
        }
        base.Dispose(disposing);
    }
}
