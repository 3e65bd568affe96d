using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Hosting.Journal;

/// <summary>Feeds a journal's events to a new pool and sets what it decides beside what was recorded.</summary>
/// <remarks>Up to a gap, or without the run's beginning, there is nothing to be replayed: the recorded decisions are then all
/// there is, and <see cref="NotReplayed"/> says why.</remarks>
public sealed class JournalReplay(JournalReader journal)
{
    private readonly List<PoolEffect> _effects = [];
    private readonly GatewayBooks _books = new();

    /// <summary>Digest of the decisions recorded, as far as they were replayed.</summary>
    public DecisionDigest Recorded { get; } = new();

    /// <summary>Digest of the decisions the new pool made.</summary>
    public DecisionDigest Replayed { get; } = new();

    /// <summary>Events replayed.</summary>
    public long Events { get; private set; }

    /// <summary>Why not every line was replayed, in one line: the beginning is missing, or there is a gap; null while all are.</summary>
    public string? NotReplayed { get; private set; }

    /// <summary>Where the replay first decided otherwise, with both decisions; null if nowhere.</summary>
    public string? FirstDifference { get; private set; }

    /// <summary>Events after which the replayed pool's load was not the sum over its gateways (<see cref="GatewayBooks"/>).</summary>
    public long LoadMismatches { get; private set; }

    /// <summary>The first of them, with both sides; null if there is none.</summary>
    public string? FirstLoadMismatch { get; private set; }

    /// <summary>Replays, yielding each event with what was decided. To be read once.</summary>
    /// <exception cref="JournalException">The journal cannot be read, or its events cannot have happened in this order.</exception>
    public IEnumerable<ReplayedEvent> Run()
    {
        Pool? pool = journal.FromTheStart ? new Pool(journal.Header.Options) : null;
        if (pool is null)
            NotReplayed = "the run's beginning is no longer in the journal, so its decisions are shown as recorded (journal.maxSize bounds what is kept)";
        foreach (JournalEntry entry in journal.Entries())
        {
            if (entry.Happened is null)
            {
                pool = null;
                NotReplayed ??= $"{entry.Lost} events are missing at {entry.File}:{entry.Number}, so decisions after it are shown as recorded";
                continue;
            }
            if (pool is null)
            {
                yield return new ReplayedEvent(entry, null);
                continue;
            }
            Handle(pool, entry);
            yield return new ReplayedEvent(entry, [.. _effects.Where(DecisionDigest.IsDecision)]);
        }
    }

    private void Handle(Pool pool, JournalEntry entry)
    {
        _effects.Clear();
        try
        {
            pool.Handle(entry.Happened!, _effects);
        }
        catch (Exception impossible)
        {
            throw new JournalException($"{entry.File}:{entry.Number}: the pool cannot have handled this event after those before it ({impossible.Message.ReplaceLineEndings(" ")}); the file was changed", impossible);
        }
        Events++;
        _books.Enter(entry.Happened!, entry.Decisions);
        if (_books.Difference(pool.Load()) is { } mismatch)
        {
            LoadMismatches++;
            FirstLoadMismatch ??= $"{entry.File}:{entry.Number}: {mismatch}";
        }
        foreach (PoolEffect decision in entry.Decisions)
            Recorded.Add(decision);
        Replayed.Add(_effects);
        if (FirstDifference is null && Recorded.Value != Replayed.Value)
            FirstDifference = $"{entry.File}:{entry.Number}: recorded {Text(entry.Decisions)}; replayed {Text(_effects.Where(DecisionDigest.IsDecision))}";
    }

    private static string Text(IEnumerable<PoolEffect> decisions) => JsonSerializer.Serialize(decisions, JournalJson.Options);
}

/// <summary>An event as it is in the journal, and what the replay decided upon it.</summary>
/// <param name="Entry">What is in the journal.</param>
/// <param name="Replayed">The replay's decisions; null where there is no replay.</param>
public sealed record ReplayedEvent(JournalEntry Entry, IReadOnlyList<PoolEffect>? Replayed);
