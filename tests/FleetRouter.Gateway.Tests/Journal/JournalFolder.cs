using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Tests.Fleet;
using FleetRouter.Gateway.Tests.Engines;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Journal;

namespace FleetRouter.Gateway.Tests.Journal;

/// <summary>A folder of its own for a test's journals, gone with the test.</summary>
internal sealed class JournalFolder : IDisposable
{
    /// <summary>Name of the pools of <see cref="RandomPoolRun"/>.</summary>
    public const string RandomPool = "random";

    public string Path { get; } = Directory.CreateTempSubdirectory("fleetrouter-journal-").FullName;

    public string File => JournalFiles.Current(Path, RandomPool);

    /// <summary>A life that a seed makes, with what happened and what was decided.</summary>
    public static (RandomPoolRun Run, List<(PoolEvent Happened, List<PoolEffect> Effects)> Life) Live(ulong seed, int events, bool hedges = false)
    {
        var life = new List<(PoolEvent, List<PoolEffect>)>();
        var run = new RandomPoolRun(seed, hedges) { Heard = (happened, effects) => life.Add((happened, [.. effects])) };
        run.Live(events).EndAll();
        return (run, life);
    }

    /// <summary>Writes a life that a seed makes.</summary>
    public async Task<(RandomPoolRun Run, List<(PoolEvent Happened, List<PoolEffect> Effects)> Life)> WriteAsync(
        ulong seed, int events, long mostBytes = 1 << 30, bool hedges = false)
    {
        var written = Live(seed, events, hedges);
        await using JournalWriter journal = Begin(written.Run.FirstOptions, mostBytes);
        foreach ((PoolEvent happened, List<PoolEffect> effects) in written.Life)
            journal.Add(happened, effects);
        return written;
    }

    public JournalWriter Begin(PoolOptions options, long mostBytes = 1 << 30, TimeProvider? time = null, Action<string>? failed = null) =>
        JournalWriter.Begin(Path, options, mostBytes, new HostClock(time ?? new ManualTime()), failed ?? (message => Assert.Fail(message)));

    /// <summary>Replays the folder's only run.</summary>
    public JournalReplay Replay()
    {
        var replay = new JournalReplay(Assert.Single(JournalReader.Open(Path)));
        foreach (ReplayedEvent _ in replay.Run())
        {
            // Only the outcome matters.
        }
        return replay;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
