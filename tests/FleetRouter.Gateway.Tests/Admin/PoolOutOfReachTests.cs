using System.Diagnostics.Metrics;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.Admin;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Gateway.Fleet;
using FleetRouter.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace FleetRouter.Gateway.Tests.Admin;

/// <summary>The admin API while a pool that another process runs cannot be asked.</summary>
public sealed class PoolOutOfReachTests
{
    private const string Why = "the cluster cannot ask the pool now";

    [Theory]
    [InlineData("GET", "/admin/fleet")]
    [InlineData("GET", "/admin/fleet/{pool}")]
    [InlineData("POST", "/admin/fleet/{pool}/instances/{instance}/drain")]
    [InlineData("DELETE", "/admin/fleet/{pool}/instances/{instance}/drain")]
    public async Task Is_503_and_says_why(string method, string route)
    {
        using var meter = new Meter("test");
        var clock = new HostClock(TimeProvider.System);
        var telemetry = new FleetTelemetry(meter, NullLogger<FleetTelemetry>.Instance);
        await using var fleet = new FleetHost(new Away(), clock, telemetry, NullLoggerFactory.Instance, new JournalSection());
        await fleet.ApplyAsync(new GatewayOptions { Pools = [new PoolSection { Options = new PoolOptions { Name = "p" } }] });
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore();   // never started
        await using WebApplication app = builder.Build();
        AdminApi.Map(app, fleet, telemetry, clock);
        RouteEndpoint endpoint = ((IEndpointRouteBuilder)app).DataSources.SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()
            .Single(e => e.RoutePattern.RawText == route && e.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods.Contains(method));
        var body = new MemoryStream();
        var context = new DefaultHttpContext { RequestServices = app.Services, Request = { Method = method, RouteValues = { ["pool"] = "p", ["instance"] = "i" } }, Response = { Body = body } };

        await endpoint.RequestDelegate!(context);

        Assert.Equal(StatusCodes.Status503ServiceUnavailable, context.Response.StatusCode);
        Assert.Contains(Why, System.Text.Encoding.UTF8.GetString(body.ToArray()));
    }

    private sealed class Away : IPools, IPool
    {
        public PoolOptions Options { get; private set; } = new() { Name = "p" };

        public ServedModels Served => new([], true);

        public Task OpenAsync() => Task.CompletedTask;

        public Task<IPool> StartAsync(PoolSetup setup) => Task.FromResult<IPool>(this);

        public void Change(PoolSetup setup) => Options = setup.Options;

        public Task RetireAsync(string pool) => Task.CompletedTask;

        public RunningPool? Here(string pool) => null;

        public Task<PoolView> DescribeAsync() => Task.FromException<PoolView>(new PoolUnavailableException(Why));

        public Task<InstanceView?> DrainAsync(string instance, bool drains, TimeSpan within, TimeSpan wait, CancellationToken gone) =>
            Task.FromException<InstanceView?>(new PoolUnavailableException(Why));

        public Task<Placement> PlaceAsync(PlacementRequest request, CancellationToken clientGone, Action<CarryOver>? carryOver = null) => throw new NotSupportedException();

        public Task<Placement> RetryAsync(string requestId, AttemptFailure failure, string reason, int emittedTokens, CancellationToken clientGone) => throw new NotSupportedException();

        public void Progressed(string requestId, int outputTokens, TimeSpan longestGap = default) => throw new NotSupportedException();

        public void MigrationEnded(string requestId, int emittedTokens, string? failure = null) => throw new NotSupportedException();

        public void HedgeEnded(string requestId, HedgeEnd end, AttemptFailure? failure = null, string? reason = null) => throw new NotSupportedException();

        public void Ended(string requestId, RequestEnd end, TokenUsage? usage) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
