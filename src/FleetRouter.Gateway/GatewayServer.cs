using System.Diagnostics.Metrics;
using System.Net;
using FleetRouter.Gateway.Admin;
using FleetRouter.Gateway.Budgets;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Gateway.Fleet;
using FleetRouter.Gateway.Forwarding;
using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Gateway.Responses;
using FleetRouter.Gateway.Resuming;
using FleetRouter.Gateway.Telemetry;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Conversations;
using FleetRouter.Hosting.Ports;
using FleetRouter.Hosting.Tenants;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Yarp.ReverseProxy.Forwarder;

namespace FleetRouter.Gateway;

/// <summary>The gateway in one process: the clients' port, the operators' port, the pools between them and the engines.</summary>
internal sealed class GatewayServer : IAsyncDisposable
{
    /// <summary>Name of the meter all the gateway's instruments are under.</summary>
    public const string MeterName = "FleetRouter";

    /// <summary>Time that what is in flight has, once the gateway is told to stop, before it is cut.</summary>
    public static readonly TimeSpan StopTime = TimeSpan.FromSeconds(30);

    private const long MaxAdminBody = 64 * 1024;

    private readonly WebApplication _front;
    private readonly WebApplication _admin;
    private readonly FrontDoorPipeline _door;
    private readonly IPools _pools;
    private readonly FleetHost _fleet;
    private readonly TenantBudgets _budgets;
    private readonly GatewayDatabase? _database;
    private readonly EngineForwarder _forwarder;
    private readonly PrometheusWriter _metrics;
    private readonly Meter _meter;
    private readonly ILogger<GatewayServer> _log;
    private GatewayOptions _options;

    private GatewayServer(GatewayOptions options, TimeProvider time, IConversations? conversations, ITenantAccounts? accounts)
    {
        _options = options;
        _meter = new Meter(new MeterOptions(MeterName) { Scope = this });
        _metrics = new PrometheusWriter(meter => ReferenceEquals(meter, _meter));
        ProcessMetrics.AddTo(_meter);
        _front = Build(options.Listen, options.MaxBodyBytes, services => services.AddHttpForwarder());
        _admin = Build(options.AdminListen, MaxAdminBody, services => services.AddRoutingCore());
        _log = _front.Services.GetRequiredService<ILogger<GatewayServer>>();
        var clock = new HostClock(time);
        var logs = _front.Services.GetRequiredService<ILoggerFactory>();
        var telemetry = new FleetTelemetry(_meter, logs.CreateLogger<FleetTelemetry>());
        _database = GatewayDatabase.From(options.Database, _meter, logs, time);
        _pools = PoolHosting.Of(options, _database, clock, _meter, logs, telemetry.Report);
        _fleet = new FleetHost(_pools, clock, telemetry, logs, options.Journal, _database);
        _forwarder = new EngineForwarder(_front.Services.GetRequiredService<IHttpForwarder>(), options.Upstream);
        conversations ??= _database is { } database
            ? new RememberedConversations(PoolHosting.Conversations(_pools, database), new MemoryConversations(options.Responses.MemoryBytes, time))
            : InMemory(options.Responses, time);
        _budgets = new TenantBudgets(accounts ?? _pools as ITenantAccounts ?? _database?.Accounts ?? new MemoryTenantAccounts(time), clock, _meter, logs.CreateLogger<TenantBudgets>());
        var inference = new InferenceEndpoint(_fleet, _forwarder, _budgets, new Turns(conversations, options.Responses, options.MaxBodyBytes, time), new SharedHomes(conversations, time),
            new RequestTelemetry(_meter), new ResumeTelemetry(_meter), time);
        _door = new FrontDoorPipeline(_fleet, inference, new KeptResponses(conversations), _metrics.Write, logs.CreateLogger<FrontDoorPipeline>()) { Keys = new(options.ApiKeys, options.Tenants) };
        _budgets.Apply(options.Tenants);
        if (options.Tenants.Count > 0 && accounts is null && _database is null)
            _log.LogInformation(51, "Tenants' budgets are this gateway's own: without a database no other gateway knows what is spent here, and a start begins them anew");
        _front.Run(_door.HandleAsync);
        AdminApi.Map(_admin, _fleet, telemetry, clock);
    }

    /// <summary>The clients' address, with the port it got.</summary>
    public string Address => AddressOf(_front);

    /// <summary>The operators' address, with the port it got.</summary>
    public string AdminAddress => AddressOf(_admin);

    /// <summary>Starts a gateway; when this returns it listens, and its instances are being probed.</summary>
    /// <exception cref="IOException">An address cannot be listened on, a journal not be written, or the database refuses.</exception>
    /// <param name="options">What the configuration says.</param>
    /// <param name="time">The clock; null for the wall's.</param>
    /// <param name="conversations">What keeps conversations; null for the configured database, or this process's memory.</param>
    /// <param name="accounts">Where tenants' accounts are; null for the configured database, or this process's memory.</param>
    public static async Task<GatewayServer> StartAsync(
        GatewayOptions options, TimeProvider? time = null, IConversations? conversations = null, ITenantAccounts? accounts = null)
    {
        var server = new GatewayServer(options, time ?? TimeProvider.System, conversations, accounts);
        try
        {
            if (server._database is { } database)
                await database.OpenAsync();
            await server._pools.OpenAsync();
            await server._fleet.ApplyAsync(options);
            await server._admin.StartAsync();
            await server._front.StartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Brings the running gateway in step with other options; no request is dropped. Addresses and limits of the
    /// server itself stay until the next start.</summary>
    public async Task ChangeAsync(GatewayOptions options)
    {
        if (options.Listen != _options.Listen || options.AdminListen != _options.AdminListen
            || options.MaxBodyBytes != _options.MaxBodyBytes || options.Upstream != _options.Upstream || options.Journal != _options.Journal || options.Responses != _options.Responses || options.Database != _options.Database || options.Cluster != _options.Cluster)
            _log.LogWarning(2, "listen, admin, limits, upstream, journal, responses, database and cluster take effect at the next start");
        _options = options;
        _budgets.Apply(options.Tenants);
        _door.Keys = new ApiKeyRing(options.ApiKeys, options.Tenants);
        await _fleet.ApplyAsync(options);
        _log.LogInformation(3, "The changed configuration is in force: {Pools} pools", options.Pools.Count);
    }

    /// <summary>Ends when the process is told to stop; what is in flight is then served to its end, within a bound.</summary>
    public async Task RunUntilStoppedAsync()
    {
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _front.Lifetime.ApplicationStopping.Register(stopping.SetResult);
        await stopping.Task;
        _door.Draining = true;
        await _front.WaitForShutdownAsync();
    }

    /// <summary>Tells the gateway to stop, as SIGTERM does.</summary>
    public void Stop() => _front.Lifetime.StopApplication();

    public async ValueTask DisposeAsync()
    {
        await _front.DisposeAsync();
        await _admin.DisposeAsync();
        await _fleet.DisposeAsync();
        await _budgets.DisposeAsync();
        if (_database is not null)
            await _database.DisposeAsync();
        _forwarder.Dispose();
        _metrics.Dispose();
        _meter.Dispose();
    }

    private MemoryConversations InMemory(ResponsesSection options, TimeProvider time)
    {
        var conversations = new MemoryConversations(options.MemoryBytes, time);
        _meter.CreateObservableGauge("fleetrouter_responses_kept", () => conversations.Count, description: "Answers of /v1/responses kept in memory.");
        _meter.CreateObservableGauge("fleetrouter_responses_kept_size", () => conversations.Bytes, "bytes", "Memory that kept answers take.");
        _meter.CreateObservableCounter("fleetrouter_responses_dropped", () => conversations.Dropped, description: "Kept answers that went before they expired, for want of room.");
        _log.LogInformation(14, "Conversations are kept in this process's memory only: up to {Bytes} bytes, gone when it stops", options.MemoryBytes);
        return conversations;
    }

    private WebApplication Build(Uri listen, long maxBody, Action<IServiceCollection> services)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        JsonLogs.AddTo(builder.Logging, () => _options.LogLevel);
        services(builder.Services);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = StopTime);
        // No handler blocks, so none needs a thread of its own to be started on.
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.UnsafePreferInlineScheduling = true);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = maxBody;
            // As the engines' answers are read; by default a header beyond ASCII would fail the whole answer.
            kestrel.ResponseHeaderEncodingSelector = _ => System.Text.Encoding.UTF8;
            if (IPAddress.TryParse(listen.Host.Trim('[', ']'), out IPAddress? address))
                kestrel.Listen(address, listen.Port, o => o.Protocols = HttpProtocols.Http1);
            else if (listen.Host == "localhost")
                kestrel.ListenLocalhost(listen.Port, o => o.Protocols = HttpProtocols.Http1);
            else
                kestrel.ListenAnyIP(listen.Port, o => o.Protocols = HttpProtocols.Http1);
        });
        return builder.Build();
    }

    private static string AddressOf(WebApplication app) =>
        app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
}
