using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;
using FleetRouter.Gateway.Tests.Engines;
using FleetRouter.Hosting.Journal;

namespace FleetRouter.Gateway.Tests.Journal;

public sealed class JournalTests : IDisposable
{
    private readonly JournalFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_kind_of_event_and_decision_comes_back_as_it_was()
    {
        var (_, life) = await _folder.WriteAsync(seed: 3, events: 6_000, hedges: true);
        JournalEntry[] read = [.. JournalReader.Open(_folder.Path).Single().Entries()];
        Assert.Equal(life.Count, read.Length);
        for (int i = 0; i < read.Length; i++)
        {
            Assert.Equal(life[i].Happened.GetType(), read[i].Happened!.GetType());
            Assert.Equivalent(life[i].Happened, read[i].Happened, strict: true);
            Assert.Equal(life[i].Effects.Where(DecisionDigest.IsDecision).Select(DecisionDigest.Of), read[i].Decisions.Select(DecisionDigest.Of));
        }
        // The life must reach what it is to test.
        Assert.Equal(typeof(PoolEvent).Assembly.GetTypes().Count(t => t.IsSubclassOf(typeof(PoolEvent)) && !NotInRandomLives.Any(e => e.GetType() == t)), life.Select(e => e.Happened.GetType()).Distinct().Count());
        Assert.Equal(5, read.SelectMany(e => e.Decisions).Select(d => d.GetType()).Distinct().Count());
    }

    /// <summary>What only a pool of several gateways, or one with a life before, is told.</summary>
    private static PoolEvent[] NotInRandomLives { get; } =
    [
        new RequestAdopted(TimeSpan.FromSeconds(1), OfGateway("a"), "i", 2, 7, 11, TimeSpan.FromMilliseconds(250)) { IfUnknown = true },
        new ProfileRecalled(TimeSpan.FromSeconds(2), new LearnedProfile(3.5, 900, 120, 20_000)),
        new PlacementRemembered(TimeSpan.FromSeconds(2), OfGateway("b"), "i"),
        new GatewayHas(TimeSpan.FromSeconds(3), "g", ["a", "c"]),
    ];

    private static PlacementRequest OfGateway(string id) =>
        new() { Id = id, Gateway = "g", Model = "m", Api = ApiKind.Chat, Prompt = new PromptChain([1, ulong.MaxValue], 600, 3), SessionId = "s", CanHedge = false };

    [Fact]
    public async Task What_random_lives_lack_comes_back_as_it_was()
    {
        await using (JournalWriter journal = _folder.Begin(new PoolOptions { Name = JournalFolder.RandomPool }))
            foreach (PoolEvent happened in NotInRandomLives)
                journal.Add(happened, []);
        PoolEvent[] read = [.. JournalReader.Open(_folder.Path).Single().Entries().Select(e => e.Happened!)];
        Assert.Equal(NotInRandomLives.Select(e => e.GetType()), read.Select(e => e.GetType()));
        Assert.Equivalent(NotInRandomLives, read, strict: true);
    }

    [Fact]
    public async Task Random_lives_replay_to_the_same_decisions()
    {
        for (ulong seed = 100; seed < 140; seed++)
        {
            using var folder = new JournalFolder();
            var (run, life) = await folder.WriteAsync(seed, 300, hedges: seed % 2 == 0);
            JournalReplay replay = folder.Replay();
            Assert.True(replay is { FirstDifference: null, NotReplayed: null, FirstLoadMismatch: null }, $"seed {seed}: {replay.FirstDifference ?? replay.NotReplayed ?? replay.FirstLoadMismatch}");
            Assert.Equal((run.Digest.Value, run.Digest.Decisions, life.Count), (replay.Replayed.Value, replay.Recorded.Decisions, (int)replay.Events));
        }
    }

    [Fact]
    public async Task A_changed_journal_is_found_out_with_both_decisions()
    {
        await _folder.WriteAsync(1, 300);
        string[] lines = await File.ReadAllLinesAsync(_folder.File);
        int changed = Array.FindIndex(lines, l => l.Contains("\"decisions\":[{\"kind\":\"dispatch\"", StringComparison.Ordinal));
        lines[changed] = lines[changed].Replace("\"requests\":", "\"requests\":1", StringComparison.Ordinal);
        await File.WriteAllLinesAsync(_folder.File, lines);
        string difference = _folder.Replay().FirstDifference!;
        Assert.StartsWith($"{_folder.File}:{changed + 1}: recorded [{{\"kind\":\"dispatch\"", difference);
        Assert.Contains("; replayed [{\"kind\":\"dispatch\"", difference);
    }

    [Fact]
    public async Task A_last_line_cut_short_is_tolerated_and_said()
    {
        var (_, life) = await _folder.WriteAsync(2, 100);
        using (FileStream file = File.OpenWrite(_folder.File))
            file.SetLength(file.Length - 5);
        JournalReader journal = JournalReader.Open(_folder.Path).Single();
        Assert.Equal(life.Count - 1, journal.Entries().Count());
        Assert.True(journal.Truncated);
        Assert.Null(_folder.Replay().FirstDifference);
    }

    [Theory]
    [InlineData("no json", ":4: not a line of a journal")]
    [InlineData("""{"event":{"kind":"request-rose","at":1}}""", ":4: not a line of a journal")]
    [InlineData("""{"event":{"kind":"instance-left","at":1}}""", ":4: not a line of a journal")]
    [InlineData("""{"event":{"kind":"instance-left","at":1,"instance":"i","reason":"x"}}""", ":4: not a line of a journal")]
    [InlineData("""{"event":{"kind":"instance-left","at":"soon","instance":"i"}}""", ":4: not a line of a journal")]
    [InlineData("{}", ":4: neither an event nor a gap")]
    [InlineData("null", ":4: not a line of a journal")]
    public async Task A_line_that_is_none_is_an_error_that_names_it(string line, string expected)
    {
        await _folder.WriteAsync(3, 20);
        string[] lines = await File.ReadAllLinesAsync(_folder.File);
        lines[3] = line;
        await File.WriteAllLinesAsync(_folder.File, lines);
        var trouble = Assert.Throws<JournalException>(() => _folder.Replay());
        Assert.StartsWith(_folder.File + expected, trouble.Message);
        Assert.DoesNotContain('\n', trouble.Message);
    }

    [Fact]
    public async Task An_event_that_cannot_have_happened_is_an_error_that_names_its_line()
    {
        await _folder.WriteAsync(3, 100);
        string[] lines = await File.ReadAllLinesAsync(_folder.File);
        int arrival = Array.FindIndex(lines, l => l.Contains("request-arrived", StringComparison.Ordinal) && l.Contains("\"held\"", StringComparison.Ordinal));
        await File.WriteAllLinesAsync(_folder.File, [.. lines[..(arrival + 1)], lines[arrival], .. lines[(arrival + 1)..]]);
        Assert.StartsWith($"{_folder.File}:{arrival + 2}: the pool cannot have handled this event", Assert.Throws<JournalException>(() => _folder.Replay()).Message);
    }

    [Fact]
    public void What_is_no_journal_is_said()
    {
        Assert.Contains("no journal in this folder", Assert.Throws<JournalException>(() => JournalReader.Open(_folder.Path)).Message);
        Assert.Contains("no such file or folder", Assert.Throws<JournalException>(() => JournalReader.Open(_folder.File)).Message);
        File.WriteAllText(_folder.File, """{"lost":3}""" + "\n");
        Assert.Contains(":1: no journal's header", Assert.Throws<JournalException>(() => JournalReader.Open(_folder.Path)).Message);
    }

    [Fact]
    public async Task What_comes_faster_than_it_is_written_leaves_a_gap_that_is_told()
    {
        var time = new ManualTime();   // stands still, so the writer waits for company
        JournalWriter journal = _folder.Begin(new PoolOptions { Name = JournalFolder.RandomPool }, time: time);
        journal.Add(new InstanceJoined(TimeSpan.Zero, "i"), []);
        await time.UntilWaitedForAsync();
        for (int i = 0; i < JournalWriter.MaxWaiting + 6; i++)
            journal.Add(new InstanceLeft(TimeSpan.FromTicks(i), "i"), []);
        await journal.DisposeAsync();
        Assert.Equal((JournalWriter.MaxWaiting, 7L), (journal.Events, journal.Lost));
        JournalEntry last = JournalReader.Open(_folder.Path).Single().Entries().Last();
        Assert.Equal((null, 7L), (last.Happened, last.Lost));
        JournalReplay replay = _folder.Replay();
        Assert.StartsWith("7 events are missing", replay.NotReplayed);
    }

    [Fact]
    public async Task Replay_ends_at_a_gap_and_what_follows_is_as_recorded()
    {
        var (_, life) = await _folder.WriteAsync(4, 300);
        string[] lines = await File.ReadAllLinesAsync(_folder.File);
        lines[200] = """{"lost":1}""";
        await File.WriteAllLinesAsync(_folder.File, lines);
        var replay = new JournalReplay(JournalReader.Open(_folder.Path).Single());
        ReplayedEvent[] events = [.. replay.Run()];
        Assert.Equal((life.Count - 1, 199), (events.Length, events.Count(e => e.Replayed is not null)));
        Assert.True(replay is { NotReplayed: not null, FirstDifference: null, Events: 199 });
        Assert.Contains(events[199..], e => e.Entry.Decisions.Count > 0);
    }

    [Fact]
    public async Task Two_files_hold_the_bound_and_replay_as_one_while_the_first_is_there()
    {
        using var unbounded = new JournalFolder();
        await unbounded.WriteAsync(6, 1_000);
        long all = new FileInfo(unbounded.File).Length, longestLine = File.ReadLines(unbounded.File).Max(line => line.Length) + 1;
        var (run, _) = await _folder.WriteAsync(6, 1_000, mostBytes: all * 3 / 2);
        Assert.InRange(new FileInfo(JournalFiles.Previous(_folder.Path, JournalFolder.RandomPool)).Length, all * 3 / 4, all * 3 / 4 + longestLine);
        Assert.Equal((run.Digest.Value, null), (_folder.Replay().Replayed.Value, _folder.Replay().NotReplayed));
        Assert.Equal(2, JournalFiles.At(_folder.File).Count);
    }

    [Fact]
    public async Task When_the_beginning_is_gone_decisions_are_as_recorded()
    {
        await _folder.WriteAsync(7, 2_000, mostBytes: 200_000);
        Assert.True(new DirectoryInfo(_folder.Path).EnumerateFiles().Sum(f => f.Length) < 400_000);
        JournalReplay replay = _folder.Replay();
        Assert.True(replay is { Events: 0, FirstDifference: null });
        Assert.Contains("beginning", replay.NotReplayed);
    }

    [Fact]
    public async Task A_restart_keeps_the_run_before_and_replays_each_alone()
    {
        ulong before = (await _folder.WriteAsync(8, 200)).Run.Digest.Value, after = (await _folder.WriteAsync(9, 200)).Run.Digest.Value;
        var replays = JournalReader.Open(_folder.Path).Select(run => new JournalReplay(run)).ToList();
        replays.ForEach(replay => Assert.NotEmpty(replay.Run().ToList()));
        Assert.Equal([before, after], replays.Select(r => r.Replayed.Value));
        Assert.All(replays, r => Assert.Null(r.NotReplayed));
    }

    [Fact]
    public async Task A_disk_that_fails_ends_the_journal_and_nothing_else()
    {
        using var doomed = new JournalFolder();
        var messages = new List<string>();
        var (run, life) = JournalFolder.Live(10, 300);
        JournalWriter journal = doomed.Begin(run.FirstOptions, 20_000, failed: messages.Add);
        Directory.Delete(doomed.Path, recursive: true);
        foreach ((PoolEvent happened, List<PoolEffect> effects) in life)
            journal.Add(happened, effects);
        await journal.DisposeAsync();
        Directory.CreateDirectory(doomed.Path);
        Assert.StartsWith($"the journal {doomed.File} ends here: ", Assert.Single(messages));
        Assert.Equal(life.Count, journal.Events + journal.Lost);
        Assert.True(journal.Lost > life.Count / 2);
    }

    [Fact]
    public async Task Two_gateways_do_not_write_one_journal()
    {
        await using JournalWriter first = _folder.Begin(new PoolOptions { Name = "p" });
        string message = Assert.Throws<JournalException>(() => _folder.Begin(new PoolOptions { Name = "p" })).Message;
        Assert.StartsWith($"the journal {JournalFiles.Current(_folder.Path, "p")} cannot be written", message);
        Assert.DoesNotContain('\n', message);
    }
}
