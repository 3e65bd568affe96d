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
}
