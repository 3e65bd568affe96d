using System.Collections.Concurrent;
using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.ModelSelection;
using FleetRouter.Engines.Discovery;
using FleetRouter.Engines.Vllm;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Journal;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Gateway.Fleet;

/// <summary>The pools of this gateway, as the configuration in force wants them.</summary>
internal sealed partial class FleetHost : IAsyncDisposable
{
    private readonly HostClock _clock;
    private readonly FleetTelemetry _telemetry;
    private readonly ILoggerFactory _logs;
    private readonly ILogger<FleetHost> _log;
    private readonly JournalSection _journal;
    private readonly GatewayDatabase? _database;
    private readonly ConcurrentDictionary<string, IJournal> _journals = new(StringComparer.Ordinal);
    private readonly HttpMessageInvoker _probes = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false });
    private readonly IPools _hosting;
    private HostedPool[] _pools = [];

    public FleetHost(IPools hosting, HostClock clock, FleetTelemetry telemetry, ILoggerFactory logs, JournalSection journal, GatewayDatabase? database = null) =>
        (_hosting, _clock, _telemetry, _logs, _log, _journal, _database) = (hosting, clock, telemetry, logs, logs.CreateLogger<FleetHost>(), journal, database);

    /// <summary>The pools, in the order of the configuration.</summary>
    public IReadOnlyList<HostedPool> Pools => Volatile.Read(ref _pools);

    /// <summary>The pool that serves <paramref name="model"/>, or why none does.</summary>
    public HostedPool? PoolFor(string model, out Refusal? refusal)
    {
        HostedPool[] pools = Volatile.Read(ref _pools);
        var served = new ServedModels[pools.Length];
        for (int i = 0; i < pools.Length; i++)
            served[i] = pools[i].Host.Served;
        int at = ModelDirectory.PoolFor(model, served, out refusal);
        return at < 0 ? null : pools[at];
    }

    /// <summary>Brings the pools in step with <paramref name="options"/>. A pool that stays keeps its requests, sessions and
    /// prefix indexes; one that is gone takes no more, and what it is serving runs to its end.</summary>
    /// <exception cref="JournalException">The journal of a pool cannot be begun.</exception>
    public async Task ApplyAsync(GatewayOptions options)
    {
        HostedPool[] before = _pools;
        var after = new List<HostedPool>();
        foreach (PoolSection section in options.Pools)
        {
            HostedPool? same = before.FirstOrDefault(p => p.Section.Options.Name == section.Options.Name);
            after.Add(same is null ? await StartAsync(section) : Change(same, section));
        }
        Volatile.Write(ref _pools, [.. after]);
        _telemetry.Watch(() => after.Select(p => _hosting.Here(p.Section.Options.Name)).OfType<RunningPool>());
        foreach (HostedPool gone in before.Where(b => after.All(a => a.Host != b.Host)))
            await _hosting.RetireAsync(gone.Section.Options.Name);
    }

    private async Task<HostedPool> StartAsync(PoolSection section)
    {
        var setup = new PoolSetup
        {
            Options = section.Options, Probe = section.Probe, Discovery = DiscoveryOf(section), ProbeOf = _ => ProbeOf(section), BeginJournal = BeginJournalAsync,
            Profiles = _database?.Profiles,
        };
        return new HostedPool(section, await _hosting.StartAsync(setup), setup, KeyOf(section));
    }

    /// <summary>A pool that was gone and comes back begins anew, and so does its journal.</summary>
    private async Task<IJournal?> BeginJournalAsync(PoolOptions options)
    {
        if (_journals.TryRemove(options.Name, out IJournal? before))
            await before.DisposeAsync();
        if (_database?.BeginJournal(options, _clock) is { } kept)
            return _journals[options.Name] = kept;
        if (_journal.Path is not { } folder)
            return null;
        try
        {
            JournalWriter journal = JournalWriter.Begin(folder, options, _journal.MaxBytes, _clock, LogJournal);
            _journals[options.Name] = journal;
            return journal;
        }
        catch (JournalException trouble) when (Pools.Count > 0)
        {
            LogJournal(trouble.Message);   // a gateway at work is not stopped for it
            return null;
        }
    }

    private HostedPool Change(HostedPool pool, PoolSection section)
    {
        bool isFoundAsBefore = pool.Section.Dns == section.Dns && pool.Section.Instances.SequenceEqual(section.Instances);
        PoolSetup setup = pool.Setup with { Options = section.Options, Probe = section.Probe, Discovery = isFoundAsBefore ? pool.Setup.Discovery : DiscoveryOf(section) };
        _hosting.Change(setup);
        return pool with { Section = section, Setup = setup, EngineApiKey = KeyOf(section) };
    }

    private IEngineProbe ProbeOf(PoolSection section) => new VllmProbe(_probes, KeyOf(section));

    private IDiscovery DiscoveryOf(PoolSection section) => section.Dns is { } dns
        ? new DnsDiscovery(dns, _logs.CreateLogger<DnsDiscovery>(), _clock.Provider)
        : new StaticDiscovery(section.Instances.Select(i => i.Url));

    private static string? KeyOf(PoolSection section) =>
        section.EngineApiKeyEnv is { } name ? Environment.GetEnvironmentVariable(name) : null;

    public async ValueTask DisposeAsync()
    {
        await _hosting.DisposeAsync();
        _probes.Dispose();
    }

    [LoggerMessage(EventId = 12, Level = LogLevel.Error, Message = "{Message}")]
    private partial void LogJournal(string message);
}

/// <summary>One pool and what belongs to it.</summary>
/// <param name="Section">Its part of the configuration.</param>
/// <param name="Host">Its judgement, wherever that is hosted.</param>
/// <param name="Setup">What its host was told.</param>
/// <param name="EngineApiKey">The key its engines want; null if they want none.</param>
internal sealed record HostedPool(PoolSection Section, IPool Host, PoolSetup Setup, string? EngineApiKey);
