using FleetRouter.Gateway.Configuration;
using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Gateway.Resuming;
using FleetRouter.Hosting.Conversations;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Gateway.Responses;

/// <summary>Makes of a client's call of <c>/v1/responses</c> one that an engine can answer which remembers nothing: the turns before stand in its
/// input, and it is asked to keep nothing.</summary>
/// <param name="conversations">The turns before.</param>
/// <param name="options">How long answers are kept.</param>
/// <param name="mostBytes">Bytes that a conversation may have with its newest turn.</param>
/// <param name="time">Tells when answers were given.</param>
internal sealed class Turns(IConversations conversations, ResponsesSection options, long mostBytes, TimeProvider time)
{
    /// <summary>Begins a turn.</summary>
    /// <param name="body">The call's body; what has to change of it is changed.</param>
    /// <param name="owner">Whose turn it is.</param>
    /// <param name="gone">The client's own token.</param>
    /// <returns>The turn; or what is wrong; or neither, where the reader of all bodies will tell what is wrong.</returns>
    public async Task<(ResponseTurn? Turn, ErrorAnswer? Error)> BeginAsync(RequestBody body, string owner, CancellationToken gone)
    {
        if (!TurnFields.TryRead(body.Span, out TurnFields fields, out ErrorAnswer? error))
            return (null, error);
        IReadOnlyList<StoredResponse> before = [];
        if (fields.PreviousId is { } previous)
        {
            try
            {
                before = await conversations.HistoryAsync(previous, owner, gone);
            }
            catch (ConversationsUnavailableException)
            {
                return (null, ErrorAnswer.ConversationsAway);   // who keeps them has said why in the log
            }
            if (before.Count == 0)
                return (null, NoPrevious(previous));
        }
        string id = ResponseId.New(fields.PreviousId);
        var turn = new ResponseTurn(conversations, options.KeepFor, time)
        {
            Id = id,
            PreviousId = fields.PreviousId,
            Conversation = before.Count > 0 ? before[0].Id : id,
            Owner = owner,
            IsKept = fields.IsKept,
            Input = fields.IsKept ? OwnInput(body.Span, fields) : default,
        };
        using var history = new PooledBytes();
        History.Append(before, history);
        if (history.Length > 0 && history.Length + (long)body.Length > mostBytes)
            return (null, TooLong(history.Length + (long)body.Length));
        Splice(body, fields, history);
        return (turn, null);
    }

    /// <summary>Makes the call one that needs no memory. What stands later is changed first, so that the rest stays where it is.</summary>
    private static void Splice(RequestBody body, in TurnFields fields, PooledBytes history)
    {
        using var input = new PooledBytes();
        Range inputAt = InputEdit(body.Span, fields, history, input);
        var edits = new List<(Range At, ReadOnlyMemory<byte> Text)> { (inputAt, input.Memory) };
        if (AnswerSoFar.IsEmpty(fields.Store))
            edits.Add((Opening(body.Span), "\"store\":false,"u8.ToArray()));
        else if (fields.IsKept)
            edits.Add((fields.Store, "false"u8.ToArray()));
        if (fields.PreviousId is not null)
            edits.Add((fields.Previous, "null"u8.ToArray()));
        foreach ((Range at, ReadOnlyMemory<byte> text) in edits.OrderByDescending(edit => edit.At.Start.Value))
            body.Replace(at, text.Span);
    }

    /// <summary>The input with the turns before in front of it.</summary>
    /// <param name="body">The call's body.</param>
    /// <param name="fields">Its fields.</param>
    /// <param name="history">The items before.</param>
    /// <param name="text">Gets what is to be written.</param>
    /// <returns>What it takes the place of.</returns>
    private static Range InputEdit(ReadOnlySpan<byte> body, in TurnFields fields, PooledBytes history, PooledBytes text)
    {
        if (fields.InputKind == '[')
        {
            text.Append(history.Span);
            if (history.Length > 0 && !History.Items(body[fields.Input]).IsEmpty)
                text.Append(","u8);
            return (fields.Input.Start.Value + 1)..(fields.Input.Start.Value + 1);
        }
        if (history.Length == 0 && !(fields.InputKind == '"' && fields.IsKept))
            return Opening(body);
        // A text becomes the item that stands for it, also in a first turn: the next turn's prompt then begins with this one's, byte for byte,
        // and its blocks are found again.
        bool isSaid = !AnswerSoFar.IsEmpty(fields.Input);
        text.Append(isSaid ? "["u8 : "\"input\":["u8);
        text.Append(history.Span);
        if (fields.InputKind == '"')
        {
            text.Append(history.Length > 0 ? ","u8 : ""u8);
            History.AppendText(body[fields.Input], text);
        }
        text.Append(isSaid ? "]"u8 : "],"u8);
        return isSaid ? fields.Input : Opening(body);
    }

    /// <summary>Before the first field.</summary>
    private static Range Opening(ReadOnlySpan<byte> body)
    {
        int at = body.IndexOf((byte)'{') + 1;
        return at..at;
    }

    private static byte[] OwnInput(ReadOnlySpan<byte> body, in TurnFields fields)
    {
        if (fields.InputKind == '[')
            return body[fields.Input].ToArray();
        using var items = new PooledBytes();
        items.Append("["u8);
        if (fields.InputKind == '"')
            History.AppendText(body[fields.Input], items);
        items.Append("]"u8);
        return items.Span.ToArray();
    }

    private static ErrorAnswer NoPrevious(string id) => new(404, "invalid_request_error", "previous_response_not_found",
        $"Previous response with id '{ClientHeaders.Bounded(id)}' not found.", "previous_response_id");

    private ErrorAnswer TooLong(long length) => ErrorAnswer.BadRequest(
        $"The conversation takes {length} bytes with its turns before; the router takes {mostBytes} (limits.body in its configuration). Begin a new one, or send as 'input' what of it still matters.",
        "previous_response_id", "conversation_too_long");
}
