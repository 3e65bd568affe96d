using System.Diagnostics.Metrics;

namespace FleetRouter.Storage;

/// <summary>What is written, waits and is lost, by kind.</summary>
internal sealed class StorageFigures
{
    public const string Response = "response", Home = "session-home", JournalEvent = "journal-event";

    private readonly Counter<long> _written, _lost;

    public StorageFigures(Meter meter)
    {
        _written = meter.CreateCounter<long>("fleetrouter_database_written", description: "Writes the database took, by kind.");
        _lost = meter.CreateCounter<long>("fleetrouter_database_lost", description: "Writes that were dropped: the buffer was full, the database rejected them, or the gateway stopped without it.");
    }

    public void Written(string kind, long count) => _written.Add(count, new KeyValuePair<string, object?>("kind", kind));

    public void Lost(string kind, long count)
    {
        if (count > 0)
            _lost.Add(count, new KeyValuePair<string, object?>("kind", kind));
    }
}
