using System.Text.Json;
using FleetRouter.Gateway.FrontDoor;

namespace FleetRouter.Gateway.Responses;

/// <summary>The fields of a call of <c>/v1/responses</c> that are the router's business. Positions are those of the values in the body; an empty
/// range stands for what is not there.</summary>
internal struct TurnFields
{
    public Range Input, Store, Previous;

    /// <summary>The first byte of the input's value; 0 without one or for null.</summary>
    public byte InputKind;

    /// <summary>Whether the answer is to be kept. As in OpenAI's API it is, unless the client says otherwise.</summary>
    public bool IsKept;

    public string? PreviousId;

    /// <summary>Whether there is any field: something can be inserted before it.</summary>
    public bool HasAny;

    /// <summary>Reads the fields.</summary>
    /// <param name="body">The body.</param>
    /// <param name="fields">What it says.</param>
    /// <param name="error">What is wrong with one of them.</param>
    /// <returns>Whether it could be read. False without an error is for the reader of all bodies to tell.</returns>
    public static bool TryRead(ReadOnlySpan<byte> body, out TurnFields fields, out ErrorAnswer? error)
    {
        fields = new TurnFields { IsKept = true };
        error = null;
        try
        {
            var json = new Utf8JsonReader(body);
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
                return false;
            while (error is null && json.Read() && json.TokenType == JsonTokenType.PropertyName)
                error = fields.Take(ref json);
            return error is null && !json.Read() && fields.HasAny;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private ErrorAnswer? Take(ref Utf8JsonReader json)
    {
        HasAny = true;
        if (json.ValueTextEquals("input"u8))
        {
            Input = RequestReader.Value(ref json);
            InputKind = json.TokenType switch
            {
                JsonTokenType.String => (byte)'"',
                JsonTokenType.EndArray => (byte)'[',
                _ => 0,
            };
            return InputKind != 0 || json.TokenType == JsonTokenType.Null ? null
                : ErrorAnswer.BadRequest("'input' must be a string or an array of items.", "input");
        }
        if (json.ValueTextEquals("store"u8))
        {
            Store = RequestReader.Value(ref json);
            IsKept = json.TokenType != JsonTokenType.False;
            return json.TokenType is JsonTokenType.True or JsonTokenType.False or JsonTokenType.Null ? null
                : ErrorAnswer.BadRequest("'store' must be true or false.", "store");
        }
        if (json.ValueTextEquals("previous_response_id"u8))
        {
            Previous = RequestReader.Value(ref json);
            PreviousId = json.TokenType == JsonTokenType.String ? json.GetString() : null;
            return json.TokenType is JsonTokenType.String or JsonTokenType.Null ? null
                : ErrorAnswer.BadRequest("'previous_response_id' must be a string.", "previous_response_id");
        }
        if (json.ValueTextEquals("background"u8))
        {
            RequestReader.Value(ref json);
            return json.TokenType is JsonTokenType.False or JsonTokenType.Null ? null
                : Unsupported("background", "Answers in the background are not offered: leave 'background' out, and stream the answer or wait for it.");
        }
        if (json.ValueTextEquals("conversation"u8))
        {
            RequestReader.Value(ref json);
            return json.TokenType == JsonTokenType.Null ? null
                : Unsupported("conversation", "Conversation objects are not offered: go on from a turn by its id in 'previous_response_id'.");
        }
        RequestReader.Value(ref json);
        return null;
    }

    private static ErrorAnswer Unsupported(string field, string message) => ErrorAnswer.BadRequest(message, field, "unsupported_parameter");
}
