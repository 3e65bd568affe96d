using System.Text.Json;

namespace FleetRouter.LoadGen.Reports;

/// <summary>Writes figures as JSON with snake_case names.</summary>
internal static class JsonReport
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
    };

    public static string Text<T>(T figures) => JsonSerializer.Serialize(figures, Options) + "\n";

    /// <exception cref="JsonException">The text is no such figures.</exception>
    public static T Read<T>(string text) => JsonSerializer.Deserialize<T>(text, Options) ?? throw new JsonException("there are none");
}
