using System.Diagnostics.Metrics;
using FleetRouter.Domain.Fleet;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Journal;
using FleetRouter.Hosting.Ports;
using FleetRouter.Storage;
using FleetRouter.Storage.Conversations;
using FleetRouter.Storage.Journal;
using FleetRouter.Storage.Profiles;
using FleetRouter.Storage.Provisioning;
using FleetRouter.Storage.Tenants;

namespace FleetRouter.Gateway.Fleet;

/// <summary>What this gateway keeps in, and shares through, a database.</summary>
internal sealed class GatewayDatabase : IAsyncDisposable
{
    private readonly Database _database;
    private readonly PostgresConversations _conversations;
    private readonly PostgresJournals? _journals;
    private readonly ProvisionerRole _provisioner;

    private GatewayDatabase(DatabaseOptions options, TimeSpan? journal, Meter meter, ILoggerFactory logs, TimeProvider time)
    {
        Address = options.Address;
        _database = new Database(options, logs, time);
        var figures = new StorageFigures(meter);
        _conversations = new PostgresConversations(_database, meter, figures, logs);
        _journals = journal is { } keep ? new PostgresJournals(_database, figures, keep) : null;
        Accounts = new PostgresTenantAccounts(_database);
        Profiles = new PostgresProfiles(_database);
        _provisioner = new ProvisionerRole(_database, meter, logs);
    }

    /// <summary>Where it is.</summary>
    public DatabaseAddress Address { get; }

    /// <summary>Answers and session homes, shared by all gateways on the database.</summary>
    public IConversations Conversations => _conversations;

    /// <summary>Tenants' accounts, shared by all gateways on the database.</summary>
    public ITenantAccounts Accounts { get; }

    /// <summary>What pools have learned.</summary>
    public ILearnedProfiles Profiles { get; }

    /// <summary>The database that the configuration names; null if it names none.</summary>
    /// <exception cref="IOException">The connection string cannot be read.</exception>
    public static GatewayDatabase? From(DatabaseSection section, Meter meter, ILoggerFactory logs, TimeProvider time)
    {
        if (section.ConnectionString is not { } source)
        {
            meter.CreateObservableGauge("fleetrouter_provisioner", () => 1, description: "1 if this gateway is the one that provisions.");
            return null;
        }
        var options = new DatabaseOptions { Address = DatabaseAddress.Parse(source.Read(), source.ToString()), Connections = section.Connections, BufferBytes = section.BufferBytes };
        return new GatewayDatabase(options, section.Journal ? section.JournalAge : null, meter, logs, time);
    }

    /// <summary>Begins a pool's journal; null if journals are not kept here.</summary>
    public IJournal? BeginJournal(PoolOptions options, HostClock clock) => _journals?.Begin(options, clock);

    /// <summary>Connects. Where the database is out of reach, the gateway starts without it and takes it up when it comes.</summary>
    /// <exception cref="DatabaseException">It refuses.</exception>
    public Task OpenAsync() => _database.OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await _provisioner.DisposeAsync();
        await _conversations.DisposeAsync();
        if (_journals is not null)
            await _journals.DisposeAsync();
        await _database.DisposeAsync();
    }
}
