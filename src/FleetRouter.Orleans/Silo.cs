using System.Diagnostics.Metrics;
using System.Net;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Tenants;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Conversations;
using FleetRouter.Hosting.Ports;
using FleetRouter.Orleans.Instances;
using FleetRouter.Orleans.Membership;
using FleetRouter.Orleans.Pools;
using FleetRouter.Orleans.Sessions;
using FleetRouter.Orleans.Tenants;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;

namespace FleetRouter.Orleans;

/// <summary>This process as a member of a cluster, and the cluster's pools and tenants' accounts as it reaches them.</summary>
public sealed class Silo : IPools, ITenantAccounts
{
    private readonly ClusterOptions _options;
    private readonly IHost _host;
    private Task? _leaving;

    /// <summary>A member that has not joined.</summary>
    /// <param name="options">Its part in the cluster.</param>
    /// <param name="clock">The gateway's clock.</param>
    /// <param name="meter">Where its figures are told.</param>
    /// <param name="logs">Where its log goes.</param>
    /// <param name="report">Told the name of each pool that runs here and every effect as it is carried out.</param>
    /// <param name="conversations">What keeps conversations for all members; null where nothing outlasts this process.</param>
    public Silo(ClusterOptions options, HostClock clock, Meter meter, ILoggerFactory logs, Action<string, PoolEffect> report, IConversations? conversations = null)
    {
        _options = options;
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSingleton(logs);
        builder.Services.AddSingleton(typeof(ILogger<>), typeof(Logger<>));
        builder.Services.AddSingleton(TimeProvider.System).AddSingleton(clock).AddSingleton(options).AddSingleton(report).AddSingleton(meter)
            .AddSingleton<LocalPools>().AddSingleton<ProbesOfCluster>().AddSingleton<ClusterFigures>().AddSingleton<ClusterPools>();
        if (conversations is not null)
            builder.Services.AddSingleton(new LocalConversations(conversations, new MemoryConversations(options.TurnMemoryBytes, clock.Provider), meter)).AddSingleton<ClusterConversations>();
        builder.UseOrleans(silo => Configure(silo, options));
        _host = builder.Build();
        Conversations = _host.Services.GetService<ClusterConversations>();
    }

    /// <summary>Conversations as the cluster's actors have them; null where nothing keeps them.</summary>
    public IConversations? Conversations { get; }

    /// <summary>What this silo holds of conversations.</summary>
    internal LocalConversations Sessions => _host.Services.GetRequiredService<LocalConversations>();

    /// <summary>The cluster's grains.</summary>
    internal IGrainFactory Grains => _host.Services.GetRequiredService<IGrainFactory>();

    /// <summary>How this silo runs a pool if it comes to run it.</summary>
    internal void Set(PoolSetup setup) => _host.Services.GetRequiredService<LocalPools>().Set(setup);

    private ClusterPools Pools => _host.Services.GetRequiredService<ClusterPools>();

    /// <summary>Joins the cluster; when this returns, this process is a member.</summary>
    /// <exception cref="IOException">It cannot join; the message says why, in one line.</exception>
    public async Task OpenAsync()
    {
        using var joined = new CancellationTokenSource();
        Task watching = _options.Database is null ? Task.CompletedTask : ActivatorUtilities.CreateInstance<LostMembers>(_host.Services).WatchAsync(joined.Token);
        try
        {
            await _host.StartAsync();
        }
        catch (Exception e)
        {
            throw new IOException($"cannot join cluster {_options.Id} as {_options.Silo}: {e.GetBaseException().Message.ReplaceLineEndings(" ")}", e);
        }
        finally
        {
            await joined.CancelAsync();
            await watching;
        }
    }

    /// <inheritdoc />
    public Task<IPool> StartAsync(PoolSetup setup) => Pools.StartAsync(setup);

    /// <inheritdoc />
    public void Change(PoolSetup setup) => Pools.Change(setup);

    /// <inheritdoc />
    public Task RetireAsync(string pool) => Pools.RetireAsync(pool);

    /// <inheritdoc />
    public RunningPool? Here(string pool) => Pools.Here(pool);

    /// <inheritdoc />
    public async Task<LeaseGrant> LeaseAsync(LeaseAsk ask, CancellationToken cancellation)
    {
        try
        {
            return (await Grains.GetGrain<ITenantGrain>(ask.Tenant).LeaseAsync(AskOnWire.Of(ask)).WaitAsync(cancellation)).ToGrant();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new TenantAccountUnavailableException($"the cluster cannot ask tenant {ask.Tenant}'s account: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    /// <summary>Leaves the cluster: what runs here is given up, and others take it over.</summary>
    public ValueTask DisposeAsync() => new(_leaving ??= LeaveAsync());

    private async Task LeaveAsync()
    {
        await Pools.DisposeAsync();
        await _host.StopAsync();
        if (_host is IAsyncDisposable disposable)
            await disposable.DisposeAsync();
    }

    private static void Configure(ISiloBuilder silo, ClusterOptions options)
    {
        silo.Configure<global::Orleans.Configuration.ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (options.Id, options.Id));
        silo.Configure<EndpointOptions>(o =>
        {
            (o.AdvertisedIPAddress, o.SiloPort, o.GatewayPort) = (options.Silo.Address, options.Silo.Port, 0);
            o.SiloListeningEndpoint = new IPEndPoint(options.Silo.Address, options.Silo.Port);
        });
        // Longer than any call but a drain's wait, which says its own.
        silo.Configure<SiloMessagingOptions>(o => o.ResponseTimeout = TimeSpan.FromSeconds(5));
        TunedMembership.Apply(silo);
        if (options.Database is { } database)
            silo.UseAdoNetClustering(o => (o.Invariant, o.ConnectionString) = ("Npgsql", database))
                .AddAdoNetGrainStorageAsDefault(o => (o.Invariant, o.ConnectionString) = ("Npgsql", database));
        else
            silo.AddMemoryGrainStorageAsDefault().UseLocalhostClustering(options.Silo.Port, 0, options.Silo, options.Id, options.Id);
    }
}
