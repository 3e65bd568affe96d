using System.Text.Json;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.Fleet;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Journal;
using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.Admin;

/// <summary>A decision as the admin API tells it.</summary>
/// <param name="Time">When it was made.</param>
/// <param name="Decision">The decision.</param>
/// <param name="Earlier">Those before it about the same request, the latest first; null if there are none.</param>
internal sealed record DatedDecision(DateTimeOffset Time, Decision Decision, IReadOnlyList<DatedDecision>? Earlier = null);

/// <summary>The operators' side, on a port of its own: what the fleet is doing, and why a request went where it went.</summary>
internal static class AdminApi
{
    private static readonly JsonSerializerOptions Json = new(JournalJson.Options) { WriteIndented = true };

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
        routes.MapGet("/admin/decisions/{requestId}", (string requestId) => telemetry.Decisions.Find(requestId) is [var latest, .. var before]
            ? Results.Json(Dated(latest, clock) with { Earlier = before.Length == 0 ? null : [.. before.Select(d => Dated(d, clock))] }, Json)
            : Unknown($"no decision about request '{requestId}' among the last {DecisionLog.Kept}; ids are in the answers' x-request-id"));
        routes.MapFallback(() => Unknown("the admin API has /admin/fleet, /admin/fleet/{pool}, /admin/decisions and /admin/decisions/{request-id}"));
    }

    private static DatedDecision Dated(Decision decision, HostClock clock) => new(clock.Date(decision.At), decision);

    private static IResult Unknown(string message) => Results.Json(new { error = new { message } }, Json, statusCode: 404);
}
