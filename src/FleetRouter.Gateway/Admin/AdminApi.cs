using System.Text.Json;
using System.Text.Json.Serialization;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.Fleet;
using FleetRouter.Hosting;
using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.Admin;

/// <summary>The operators' side, on a port of its own: what the fleet is doing, and why a request went where it went.</summary>
internal static class AdminApi
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower), new SecondsConverter(), new HexConverter() },
    };

    public static void Map(IEndpointRouteBuilder routes, FleetHost fleet, FleetTelemetry telemetry, HostClock clock)
    {
        routes.MapGet("/admin/fleet", async () => Results.Json(new
        {
            uptimeSeconds = clock.Now,
            pools = await Task.WhenAll(fleet.Pools.Select(p => p.Host.DescribeAsync())),
        }, Json));
        routes.MapGet("/admin/fleet/{pool}", async (string pool) =>
            fleet.Pools.FirstOrDefault(p => p.Section.Options.Name == pool) is { } found
                ? Results.Json(await found.Host.DescribeAsync(), Json)
                : Unknown($"no pool is called '{pool}'; known: {string.Join(", ", fleet.Pools.Select(p => p.Section.Options.Name))}"));
        routes.MapGet("/admin/decisions", (int? limit) =>
            Results.Json(telemetry.Decisions.Latest(Math.Clamp(limit ?? 50, 1, DecisionLog.Kept)).Select(d => Dated(d, clock)), Json));
        routes.MapGet("/admin/decisions/{requestId}", (string requestId) => telemetry.Decisions.Find(requestId) is { } decision
            ? Results.Json(Dated(decision, clock), Json)
            : Unknown($"no decision about request '{requestId}' among the last {DecisionLog.Kept}; ids are in the answers' x-request-id"));
        routes.MapFallback(() => Unknown("the admin API has /admin/fleet, /admin/fleet/{pool}, /admin/decisions and /admin/decisions/{request-id}"));
    }

    private static object Dated(Decision decision, HostClock clock) => new { time = clock.Date(decision.At), decision };

    private static IResult Unknown(string message) => Results.Json(new { error = new { message } }, Json, statusCode: 404);

    /// <summary>Spans of time as seconds.</summary>
    private sealed class SecondsConverter : JsonConverter<TimeSpan>
    {
        public override TimeSpan Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => TimeSpan.FromSeconds(reader.GetDouble());

        public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) => writer.WriteNumberValue(value.TotalSeconds);
    }

    /// <summary>Hashes as hexadecimal text, since JavaScript's numbers cannot hold them.</summary>
    private sealed class HexConverter : JsonConverter<ulong>
    {
        public override ulong Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => Convert.ToUInt64(reader.GetString(), 16);

        public override void Write(Utf8JsonWriter writer, ulong value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString("x16"));
    }
}
