using System.Text.Json;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>An error in place of an answer or of its end.</summary>
/// <param name="Code">The machine-readable reason; null without one.</param>
/// <param name="Retryable">Whether asking again may help; null where it is not said.</param>
/// <param name="Message">For people.</param>
internal sealed record AnswerError(string? Code, bool? Retryable, string? Message)
{
    /// <summary>It says by name what happened, and whether to ask again.</summary>
    public bool IsByName => Code is { Length: > 0 } && Retryable is not null;

    /// <summary>The error a JSON object tells; null if it is none.</summary>
    public static AnswerError? Of(JsonElement root, ReadOnlySpan<byte> eventName = default)
    {
        var inner = root.TryGetProperty("error", out var error) && error.ValueKind == JsonValueKind.Object ? error
            : eventName.SequenceEqual("error"u8) ? root : (JsonElement?)null;
        if (inner is not { } found) return null;
        return new AnswerError(
            found.TryGetProperty("code", out var code) && code.ValueKind == JsonValueKind.String ? code.GetString() : null,
            found.TryGetProperty("retryable", out var retryable) && retryable.ValueKind is JsonValueKind.True or JsonValueKind.False ? retryable.GetBoolean() : null,
            found.TryGetProperty("message", out var message) ? message.ToString() : null);
    }
}
