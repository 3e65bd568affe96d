using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.Tests.Engines;
using FleetRouter.Hosting.Journal;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Gateway.Tests.Journal;

/// <summary>The same events give the same decisions wherever the pool runs: in virtual time, in the embedded host, replayed from a journal.</summary>
public sealed class OneJudgementTests : IDisposable
{
    private readonly JournalFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_embedded_host_decides_as_the_pool_does_in_virtual_time()
    {
        for (ulong seed = 200; seed < 220; seed++)
        {
            var (run, life) = JournalFolder.Live(seed, 400, hedges: seed % 2 == 0);
            Assert.True(run.Digest.Value == EmbeddedHost.Decide(run.FirstOptions, life.Select(e => e.Happened)).Value, $"seed {seed}: the host decides otherwise");
        }
    }

    [Fact]
    public Task Simulated_conversations_with_faults_are_decided_alike() => AlikeAsync([.. new ConversationWorkload { Sessions = 60 }.Generate()]);

    [Fact]
    public Task A_simulated_trace_is_decided_alike()
    {
        string file = SharedFiles.Find("traces/placement/mooncake_conversation_0-40min.jsonl.gz");
        return AlikeAsync([.. Trace.Open(file, null, new TraceReading()).Sessions().Take(150)]);
    }

    private async Task AlikeAsync(TraceSession[] sessions)
    {
        const int engines = 4;
        var setup = new FleetSetup
        {
            Engines = [.. Enumerable.Repeat(EngineProfile.Named("h100-llama-3.1-8b"), engines)],
            Pool = new PoolOptions { Name = JournalFolder.RandomPool, MaxRequestsPerInstance = 4, MaxHeld = 8, MaxHoldTime = TimeSpan.FromSeconds(5) },
            Faults = [.. Enum.GetValues<FaultKind>().Select((kind, i) => new EngineFault(TimeSpan.FromSeconds(3 + 4 * i), i % engines, kind, TimeSpan.FromSeconds(3)))],
        };
        var simulated = new DecisionDigest();
        var events = new List<PoolEvent>();
        await using (JournalWriter journal = _folder.Begin(setup.Pool))
            FleetSimulation.Run(PreparedWorkload.Of(sessions, 1), setup, observe: (happened, effects) =>
            {
                events.Add(happened);
                simulated.Add(effects);
                journal.Add(happened, [.. effects]);
            });
        JournalReplay replay = _folder.Replay();
        TestContext.Current.TestOutputHelper!.WriteLine($"{events.Count} events, {simulated.Decisions} decisions, digest {simulated}");
        Assert.True(simulated.Decisions > sessions.Length, "the simulation decided too little to tell");
        Assert.Equal(simulated.Value, EmbeddedHost.Decide(setup.Pool, events).Value);
        Assert.Equal((simulated.Value, null, null), (replay.Replayed.Value, replay.NotReplayed, replay.FirstLoadMismatch));
    }
}
