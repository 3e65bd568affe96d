using System.Diagnostics.Metrics;

namespace FleetRouter.Storage;

/// <summary>What is written, waits and is lost, by kind.</summary>
public sealed class StorageFigures
{
    internal const string Response = "response", Home = "session-home", JournalEvent = "journal-event";

    private readonly Counter<long> _written, _lost;

    /// <param name="meter">Where the counters are.</param>
    public StorageFigures(Meter meter)
    {
        _written = meter.CreateCounter<long>("fleetrouter_database_written", description: "Writes the database took, by kind.");
        _lost = meter.CreateCounter<long>("fleetrouter_database_lost", description: "Writes that were dropped: the buffer was full, the database rejected them, or the gateway stopped without it.");
    }

    internal void Written(string kind, long count) => _written.Add(count, new KeyValuePair<string, object?>("kind", kind));

    internal void Lost(string kind, long count)
    {
        if (count > 0)
            _lost.Add(count, new KeyValuePair<string, object?>("kind", kind));
    }
}
