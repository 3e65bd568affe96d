using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Journal;
using FleetRouter.Storage.Journal;

namespace FleetRouter.Storage.Tests;

public sealed class JournalTests : IAsyncLifetime
{
    private static readonly PoolOptions Options = new() { Name = "p" };

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fleetrouter-journal-");
    private readonly Pool _pool = new(Options);
    private readonly List<PoolEffect> _effects = [];
    private PostgresServer _server = null!;
    private DatabaseAddress _address = null!;
    private GatewayStorage _storage = null!;
    private PostgresJournals _journals = null!;
    private int _happened;

    public async ValueTask InitializeAsync()
    {
        _server = await PostgresServer.StartNewAsync();
        _address = await _server.NewDatabaseAsync();
        _storage = await GatewayStorage.OpenAsync(_address);
        _journals = new PostgresJournals(_storage.Database, _storage.Figures, TimeSpan.FromDays(1));
    }

    public async ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        if (_journals is null)
            return;
        await _journals.DisposeAsync();
        await _storage.DisposeAsync();
        await _server.DisposeAsync();
    }

    private IJournal Begin() => _journals.Begin(Options, new HostClock(TimeProvider.System));

    /// <summary>Has something happen to the pool.</summary>
    private void Happen(IJournal journal, int times)
    {
        for (int i = 0; i < times; i++)
        {
            _effects.Clear();
            var joined = new InstanceJoined(TimeSpan.FromSeconds(++_happened), $"engine:{_happened % 4}");
            _pool.Handle(joined, _effects);
            journal.Add(joined, _effects);
        }
    }

    private async Task<JournalReader[]> ReadAsync()
    {
        foreach (FileInfo old in _folder.GetFiles())
            old.Delete();
        int runs = await PostgresJournals.ExportAsync(_address, _folder.FullName, CancellationToken.None);
        JournalReader[] readers = runs == 0 ? [] : [.. JournalReader.Open(_folder.FullName)];
        Assert.Equal(runs, readers.Length);
        return readers;
    }

    private static JournalReplay Replay(JournalReader reader)
    {
        var replay = new JournalReplay(reader);
        foreach (ReplayedEvent _ in replay.Run())
        {
            // Counted by the replay.
        }
        return replay;
    }

    [Fact]
    public async Task What_is_written_in_many_rows_replays_as_from_files()
    {
        await using IJournal journal = Begin();
        Happen(journal, 20_000);
        await journal.DisposeAsync();
        Assert.Equal((20_000, 0), (journal.Events, journal.Lost));
        Assert.True((long)(await PostgresServer.ExecuteAsync(_address, "select count(*) from fleetrouter.journal_pieces"))! > 1);
        JournalReplay replay = Replay(Assert.Single(await ReadAsync()));
        Assert.Equal((20_000L, null, null), (replay.Events, replay.NotReplayed, replay.FirstDifference));
    }

    [Fact]
    public async Task Two_runs_are_two_journals_in_their_order()
    {
        await using IJournal first = Begin(), second = Begin();
        Happen(first, 3);
        await first.DisposeAsync();
        Happen(first, 1);   // late
        Assert.Equal((3, 1), (first.Events, first.Lost));
        Happen(second, 2);
        await second.DisposeAsync();
        Assert.Equal([3, 2], (await ReadAsync()).Select(r => r.Entries().Count()).OrderDescending());
    }

    [Fact]
    public async Task While_the_database_is_away_events_wait_and_those_too_many_leave_a_gap()
    {
        await using IJournal journal = Begin();
        Happen(journal, 10);
        await _server.StopAsync();
        Happen(journal, 2 * PostgresJournal.MaxWaiting);
        Assert.InRange(journal.Lost, 1, PostgresJournal.MaxWaiting + 10);
        await _server.StartAsync();
        await _storage.Database.UpAsync(default);
        await journal.DisposeAsync();
        JournalEntry[] entries = [.. Assert.Single(await ReadAsync()).Entries()];
        Assert.Equal(journal.Lost, entries.Sum(e => e.Lost));
        Assert.Equal(journal.Events, entries.Count(e => e.Happened is not null));
        Assert.Equal(2L * PostgresJournal.MaxWaiting + 10, journal.Events + journal.Lost);
        Assert.Equal(journal.Lost, _storage.Counted("fleetrouter_database_lost/journal-event"));
    }

    [Fact]
    public async Task What_is_too_old_goes_and_what_is_left_is_known_to_be_no_whole_run()
    {
        await using IJournal journal = Begin();
        Happen(journal, 20_000);
        await journal.DisposeAsync();
        await PostgresServer.ExecuteAsync(_address, "update fleetrouter.journal_pieces set written_at = written_at - interval '2 days' where first_line = 0");
        await _journals.SweepAsync();
        JournalReader left = Assert.Single(await ReadAsync());
        Assert.False(left.FromTheStart);
        Assert.Equal(20_000 - left.Header.LinesBefore, left.Entries().Count());
        await PostgresServer.ExecuteAsync(_address, "update fleetrouter.journal_pieces set written_at = written_at - interval '2 days'; update fleetrouter.journal_runs set began_at = began_at - interval '2 days'");
        await _journals.SweepAsync();
        Assert.Empty(await ReadAsync());
        Assert.Equal(0L, await PostgresServer.ExecuteAsync(_address, "select count(*) from fleetrouter.journal_runs"));
    }
}
