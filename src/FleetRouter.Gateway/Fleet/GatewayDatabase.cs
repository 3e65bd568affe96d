using System.Diagnostics.Metrics;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Hosting.Ports;
using FleetRouter.Storage;
using FleetRouter.Storage.Conversations;
using FleetRouter.Storage.Provisioning;

namespace FleetRouter.Gateway.Fleet;

/// <summary>What this gateway keeps in, and shares through, a database.</summary>
internal sealed class GatewayDatabase : IAsyncDisposable
{
    private readonly Database _database;
    private readonly PostgresConversations _conversations;
    private readonly ProvisionerRole _provisioner;

    private GatewayDatabase(DatabaseOptions options, Meter meter, ILoggerFactory logs, TimeProvider time)
    {
        _database = new Database(options, logs, time);
        _conversations = new PostgresConversations(_database, meter, logs);
        _provisioner = new ProvisionerRole(_database, meter, logs);
    }

    /// <summary>Answers and session homes, shared by all gateways on the database.</summary>
    public IConversations Conversations => _conversations;

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
        return new GatewayDatabase(options, meter, logs, time);
    }

    /// <summary>Connects. Where the database is out of reach, the gateway starts without it and takes it up when it comes.</summary>
    /// <exception cref="DatabaseException">It refuses.</exception>
    public Task OpenAsync() => _database.OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await _provisioner.DisposeAsync();
        await _conversations.DisposeAsync();
        await _database.DisposeAsync();
    }
}
