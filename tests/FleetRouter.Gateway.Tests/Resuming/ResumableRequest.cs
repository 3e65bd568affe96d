using System.Diagnostics.Metrics;
using System.Text;
using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.Forwarding;
using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Gateway.Resuming;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;
using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.Tests.Resuming;

/// <summary>A placed request as the front door makes it, whose answer can go on with another engine.</summary>
internal sealed class ResumableRequest : IDisposable
{
    private readonly HttpMessageInvoker _engines;
    private readonly HttpRequestMessage _headers = new();
    private readonly Meter _meter = new("test");
    private readonly PoolHost _pool = Pool();
    private readonly RequestBody _body;

    private ResumableRequest(RequestBody body, HttpMessageHandler engines) => (_body, _engines) = (body, new HttpMessageInvoker(engines));

    public required RequestFacts Facts { get; init; }
    public required string Path { get; init; }
    public required JsonElement Body { get; init; }
    public Attempt Attempt { get; private set; } = null!;
    public CarryOverWish Wish { get; } = new();

    public static async Task<ResumableRequest> PlacedAsync(string body, ApiKind api, HttpMessageHandler engines)
    {
        RequestFacts facts = RequestReader.Read(Encoding.UTF8.GetBytes(body), api, out _)!;
        var context = new DefaultHttpContext();
        context.Request.Body = new MemoryStream(Encoding.UTF8.GetBytes(body));
        var placed = new ResumableRequest(await RequestBody.ReadAsync(context.Request, CancellationToken.None), engines)
        {
            Facts = facts, Path = api == ApiKind.Chat ? "/v1/chat/completions" : "/v1/completions", Body = JsonDocument.Parse(body).RootElement,
        };
        var request = new PlacementRequest { Id = "r", Model = "m", Api = api };
        placed.Attempt = new Attempt(placed._pool, request, await placed._pool.PlaceAsync(request, CancellationToken.None), TimeProvider.System, 0)
        {
            Terms = facts.Terms, HidesUsage = !facts.AsksForUsage, EngineApiKey = null, DropsClientKey = false, EngineHeaders = placed._headers.Headers,
            Resumption = new Resumption(new EngineCalls(placed._engines), placed._body, placed.Path, placed.Wish, new ResumeTelemetry(placed._meter)),
        };
        return placed;
    }

    /// <summary>More instances than an answer is cut times, that are well whenever they are asked.</summary>
    private static PoolHost Pool()
    {
        var host = new PoolHost(new PoolOptions { Name = "p", Policy = "round-robin", MaxAttempts = 16, MaxEjectedShare = 0 }, new HostClock(TimeProvider.System), (_, _) => { });
        host.ProbeRequested = id => host.Probed(id, new EngineReport(["m"]));
        foreach (string id in Enumerable.Range(0, 8).Select(i => $"i{i}"))
        {
            host.Join(new EngineEndpoint(id, new Uri($"http://{id}")));
            host.Probed(id, new EngineReport(["m"]));
        }
        return host;
    }

    public void Dispose()
    {
        _pool.Dispose();
        _body.Dispose();
        _engines.Dispose();
        _headers.Dispose();
        _meter.Dispose();
    }
}
