using System.Globalization;
using System.Text.Json;

namespace FleetRouter.Simulation.Traces;

/// <summary>One line of a trace file, which knows where it stands, so that a complaint about it can say so.</summary>
internal readonly record struct TraceLine(string File, long Number, string Text)
{
    public TraceReadException Wrong(string what) => new($"{File}:{Number}: {what}");

    public JsonDocument ParseObject()
    {
        try
        {
            var document = JsonDocument.Parse(Text);
            if (document.RootElement.ValueKind == JsonValueKind.Object) return document;
            document.Dispose();
            throw Wrong("is not a JSON object");
        }
        catch (JsonException wrong)
        {
            throw Wrong($"is not JSON (byte {wrong.BytePositionInLine}): the line is cut or broken");
        }
    }

    public JsonElement Field(JsonElement parent, string name) =>
        parent.ValueKind != JsonValueKind.Object ? throw Wrong($"holds something else where an object with '{name}' belongs")
        : parent.TryGetProperty(name, out var value) ? value : throw Wrong($"field '{name}' is missing");

    public int Count(JsonElement parent, string name) =>
        Field(parent, name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out var count) && count >= 0
            ? count : throw Wrong($"field '{name}' must be a whole number of 0 or more");

    public double Real(JsonElement parent, string name) =>
        Field(parent, name) is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out var number)
            && double.IsFinite(number) && Math.Abs(number) < 1e18
            ? number : throw Wrong($"field '{name}' must be a number");

    public double? OptionalReal(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? Real(parent, name) : null;

    public string String(JsonElement parent, string name) =>
        Field(parent, name) is { ValueKind: JsonValueKind.String } value ? value.GetString()! : throw Wrong($"field '{name}' must be a string");

    public JsonElement Array(JsonElement parent, string name) =>
        Field(parent, name) is { ValueKind: JsonValueKind.Array } value ? value : throw Wrong($"field '{name}' must be an array");

    public int Count(string cell, string column) =>
        int.TryParse(cell, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            ? count : throw Wrong($"column '{column}' must be a whole number of 0 or more, not '{Shorten(cell)}'");

    public double Seconds(string cell, string column) =>
        double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number is >= 0 and < 1e12
            ? number : throw Wrong($"column '{column}' must be a number of seconds, not '{Shorten(cell)}'");

    public static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
