using System.Text.Json;
using FleetRouter.Domain.Fleet;
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

/// <summary>The fleet as the admin API tells it.</summary>
/// <param name="UptimeSeconds">Time since the gateway started; the views' times count from there.</param>
/// <param name="Pools">The pools, in the order of the configuration.</param>
internal sealed record FleetAnswer(TimeSpan UptimeSeconds, IReadOnlyList<PoolView> Pools);

/// <summary>The operators' side, on a port of its own: what the fleet is doing, and why a request went where it went.</summary>
internal static class AdminApi
{
    private static readonly JsonSerializerOptions Json = new(JournalJson.Options) { WriteIndented = true };

    public static void Map(IEndpointRouteBuilder routes, FleetHost fleet, FleetTelemetry telemetry, HostClock clock)
    {
        RouteGroupBuilder pools = routes.MapGroup("").AddEndpointFilter(AnswerForPoolAsync);
        pools.MapGet("/admin/fleet", async () =>
            Answer(new FleetAnswer(clock.Now, await Task.WhenAll(fleet.Pools.Select(p => p.Host.DescribeAsync())))));
        pools.MapGet("/admin/fleet/{pool}", async (string pool) =>
            PoolOf(fleet, pool) is { } found ? Answer(await found.Host.DescribeAsync()) : UnknownPool(fleet, pool));
        DrainEndpoint.Map(pools, fleet);
        routes.MapGet("/admin/decisions", (int? limit) =>
            Results.Json(telemetry.Decisions.Latest(Math.Clamp(limit ?? 50, 1, DecisionLog.Kept)).Select(d => Dated(d, clock)), Json));
        routes.MapGet("/admin/decisions/{requestId}", (string requestId) => telemetry.Decisions.Find(requestId) is [var latest, .. var before]
            ? Results.Json(Dated(latest, clock) with { Earlier = before.Length == 0 ? null : [.. before.Select(d => Dated(d, clock))] }, Json)
            : Unknown($"no decision about request '{requestId}' among the last {DecisionLog.Kept}; ids are in the answers' x-request-id"));
        routes.MapFallback(() => Unknown("the admin API has /admin/fleet, /admin/fleet/{pool}, /admin/fleet/{pool}/instances/{instance}/drain (POST, DELETE), /admin/decisions and /admin/decisions/{request-id}"));
    }

    /// <summary>A pool that runs elsewhere may be out of reach for a while.</summary>
    private static async ValueTask<object?> AnswerForPoolAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (PoolUnavailableException away)
        {
            return Error(away.Message, StatusCodes.Status503ServiceUnavailable);
        }
    }

    private static DatedDecision Dated(Decision decision, HostClock clock) => new(clock.Date(decision.At), decision);

    public static HostedPool? PoolOf(FleetHost fleet, string name) => fleet.Pools.FirstOrDefault(p => p.Section.Options.Name == name);

    public static IResult Answer<T>(T value, int status = StatusCodes.Status200OK) => Results.Json(value, Json, statusCode: status);

    public static IResult UnknownPool(FleetHost fleet, string pool) =>
        Unknown($"no pool is called '{pool}'; known: {string.Join(", ", fleet.Pools.Select(p => p.Section.Options.Name))}");

    public static IResult Unknown(string message) => Error(message, StatusCodes.Status404NotFound);

    public static IResult Error(string message, int status) => Answer(new { error = new { message } }, status);
}
