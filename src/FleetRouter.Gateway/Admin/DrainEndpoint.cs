using FleetRouter.Domain.Fleet;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Gateway.Fleet;
using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.Admin;

/// <summary>Has an instance emptied (POST), or takes that back (DELETE). Answers the instance as it is then: 200 if it has no
/// request left or is told to go on, 202 while it has.</summary>
internal static class DrainEndpoint
{
    /// <summary>How long emptying it may take, and how long a call may wait for that.</summary>
    public static readonly ValueKind<TimeSpan> Time = Quantities.Duration(TimeSpan.Zero, TimeSpan.FromHours(1));

    private const string Path = "/admin/fleet/{pool}/instances/{instance}/drain";

    public static void Map(IEndpointRouteBuilder routes, FleetHost fleet)
    {
        routes.MapPost(Path, (string pool, string instance, string? within, string? wait, CancellationToken gone) => DrainAsync(fleet, pool, instance, true, within, wait, gone));
        routes.MapDelete(Path, (string pool, string instance, CancellationToken gone) => DrainAsync(fleet, pool, instance, false, null, null, gone));
    }

    private static async Task<IResult> DrainAsync(FleetHost fleet, string pool, string instance, bool drains, string? within, string? wait, CancellationToken gone)
    {
        Parsed<TimeSpan> time = Time.Parse(wait ?? "0s");
        if (time.What is { } what)
            return AdminApi.Error($"wait: {what}; {time.Remedy}", StatusCodes.Status400BadRequest);
        Parsed<TimeSpan> bound = within is null ? new Parsed<TimeSpan>(DrainOrdered.Usual) : Time.Parse(within);
        if (bound.What is { } wrong)
            return AdminApi.Error($"within: {wrong}; {bound.Remedy}", StatusCodes.Status400BadRequest);
        if (AdminApi.PoolOf(fleet, pool) is not { } found)
            return AdminApi.UnknownPool(fleet, pool);
        if (await found.Host.DrainAsync(instance, drains, bound.Value, time.Value, gone) is not { } view)
            return AdminApi.Unknown($"no instance of pool '{pool}' is called '{instance}'; known: "
                + string.Join(", ", (await found.Host.DescribeAsync()).Instances.Select(i => i.Id)));
        return AdminApi.Answer(view, drains && view.Leases > 0 ? StatusCodes.Status202Accepted : StatusCodes.Status200OK);
    }
}
