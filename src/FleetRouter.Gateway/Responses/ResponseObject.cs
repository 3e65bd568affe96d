using System.Text;
using System.Text.Json;
using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Gateway.Resuming;

namespace FleetRouter.Gateway.Responses;

/// <summary>Where the fields of an answer stand that are the router's business, within its bytes. An empty range stands for what is not there.</summary>
internal readonly record struct ResponseObject(Range Id, Range PreviousId, Range Store, Range Output)
{
    /// <summary>The items of the answer, with their brackets.</summary>
    public ReadOnlySpan<byte> OutputOf(ReadOnlySpan<byte> json) => json[Output];

    /// <summary>Finds the fields.</summary>
    /// <exception cref="JsonException">It is no JSON object.</exception>
    public static ResponseObject Read(ReadOnlySpan<byte> json)
    {
        Range id = default, previous = default, store = default, output = default;
        var reader = new Utf8JsonReader(json);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException("no object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isId = reader.ValueTextEquals("id"u8), isPrevious = reader.ValueTextEquals("previous_response_id"u8);
            bool isStore = reader.ValueTextEquals("store"u8), isOutput = reader.ValueTextEquals("output"u8);
            Range value = RequestReader.Value(ref reader);
            if (isId)
                id = value;
            else if (isPrevious)
                previous = value;
            else if (isStore)
                store = value;
            else if (isOutput && reader.TokenType == JsonTokenType.EndArray)
                output = value;
        }
        reader.Read();   // anything but the end is an error
        return new ResponseObject(id, previous, store, output);
    }

    /// <summary>Writes an engine's answer as the router's own: under its id, and with what the client asked for in place of what the engine was
    /// asked for. All else stands as it was.</summary>
    /// <returns>False for what is no answer; nothing is written then.</returns>
    public static bool TryRewrite(ReadOnlySpan<byte> json, ResponseTurn turn, PooledBytes to)
    {
        ResponseObject found;
        try
        {
            found = Read(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
        if (AnswerSoFar.IsEmpty(found.Id))
            return false;
        int open = json.IndexOf((byte)'{') + 1;
        byte[] previous = turn.PreviousId is { } id ? JsonSerializer.SerializeToUtf8Bytes(id) : "null"u8.ToArray();
        byte[] store = turn.IsKept ? "true"u8.ToArray() : "false"u8.ToArray();
        (Range At, byte[] Text)[] edits =
        [
            (found.Id, Encoding.ASCII.GetBytes($"\"{turn.Id}\"")),
            Edit(found.PreviousId, "previous_response_id", previous),
            Edit(found.Store, "store", store),
        ];
        int from = 0;
        foreach ((Range at, byte[] text) in edits.OrderBy(edit => edit.At.Start.Value))
        {
            to.Append(json[from..at.Start.Value]);
            to.Append(text);
            from = at.End.Value;
        }
        to.Append(json[from..]);
        return true;

        (Range, byte[]) Edit(Range value, string field, byte[] text) =>
            AnswerSoFar.IsEmpty(value) ? (open..open, [.. Encoding.ASCII.GetBytes($"\"{field}\":"), .. text, (byte)',']) : (value, text);
    }
}
