using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Text;
using static FleetRouter.Simulation.Tests.Engine.EngineRuns;

namespace FleetRouter.Simulation.Tests.Engine;

/// <summary>Random work with a seed; what must hold whatever the work.</summary>
public class EngineInvariantTests
{
    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    [InlineData(4, false)]
    [InlineData(5, true)]
    public void No_block_leaks_and_every_token_is_accounted_for(ulong seed, bool aborts)
    {
        var run = Run(seed, aborts, kvBlocks: 90);
        var counters = run.Engine.Counters;
        Assert.Equal((0, 0, 0, 0L), (run.Engine.UsedBlocks, run.Engine.Running, run.Engine.Waiting, run.Engine.WaitingTokens));
        Assert.Equal(counters.Accepted, counters.Finished + counters.Aborted);
        Assert.True(counters.Preemptions > 0, $"seed {seed}: the cache was never full");
        Assert.True(counters.PrefixHits > 0, $"seed {seed}: nothing was found in the cache");
        Assert.Equal(counters.GeneratedTokens, run.Events.Count(happened => happened.Kind is EngineEventKind.FirstToken or EngineEventKind.Token));
        foreach (var finished in run.Events.Where(happened => happened.Kind == EngineEventKind.Finished))
        {
            Assert.Equal(finished.Request.OutputTokens, finished.OutputTokens);
            Assert.InRange(finished.Times.CachedTokens, 0, finished.Request.PromptTokens - 1);
            Assert.True(finished.Times.Arrived <= finished.Times.FirstScheduled);
            Assert.True(finished.Times.FirstScheduled < finished.Times.FirstToken);
        }
        foreach (var request in run.Events.Where(happened => happened.Kind is EngineEventKind.FirstToken or EngineEventKind.Token).GroupBy(happened => happened.Request.Id))
            Assert.Equal(Enumerable.Range(1, request.Count()), request.Select(happened => happened.OutputTokens));
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void Without_preemption_each_prompt_token_is_computed_or_found_exactly_once(ulong seed)
    {
        var run = Run(seed, aborts: false, kvBlocks: 20_000);
        var counters = run.Engine.Counters;
        Assert.Equal(0, counters.Preemptions);
        Assert.Equal(counters.PrefixQueries, counters.ComputedPrefillTokens + counters.PrefixHits);
        Assert.Equal(counters.PromptTokens, counters.PrefixQueries);
        Assert.Equal(counters.CachedPromptTokens, counters.PrefixHits);
    }

    [Fact]
    public void The_same_work_gives_the_same_events_and_other_work_others()
    {
        Assert.Equal(Digest(Run(7, true, 90)), Digest(Run(7, true, 90)));
        Assert.NotEqual(Digest(Run(7, true, 90)), Digest(Run(8, true, 90)));
    }

    private static (EngineModel Engine, List<EngineEvent> Events) Run(ulong seed, bool aborts, int kvBlocks)
    {
        var engine = new EngineModel(EngineProfile.Named("h100-llama-3.1-8b"),
            new EngineLimits { KvBlocks = kvBlocks, MaxBatchedTokens = 300, MaxSequences = 12 });
        var events = new List<EngineEvent>();
        var now = TimeSpan.Zero;
        ulong state = seed;
        int Draw(int below) => (int)((state = Mixing.SplitMix(state)) % (ulong)below);
        for (long id = 1; id <= 200; id++)
        {
            int shared = 16 * Draw(12);
            engine.Submit(Request(id, Prompt(shared + 1 + Draw(300), (uint)id, shared), 1 + Draw(120)), now);
            for (int steps = Draw(12); steps > 0; steps--)
            {
                var plan = engine.BeginStep(now);
                if (aborts && Draw(20) == 0)
                    engine.Abort(1 + Draw((int)id)); // In the middle of a step, if one is in flight.
                if (plan.IsIdle)
                {
                    now = plan.WakeAt is { } wake && wake > now ? wake : now;
                    continue;
                }
                now += plan.Duration;
                engine.CompleteStep(now, events);
                Assert.InRange(engine.UsedBlocks, 0, kvBlocks);
                Assert.InRange(plan.Tokens, 1, 300);
                Assert.InRange(plan.Load.Sequences, 1, 12);
            }
        }
        engine.RunUntilIdle(now, events);
        return (engine, events);
    }

    private static ulong Digest((EngineModel Engine, List<EngineEvent> Events) run) => run.Events.Aggregate(17ul, (digest, happened) =>
        Mixing.SplitMix(digest ^ ((ulong)happened.Request.Id << 32) ^ ((ulong)happened.Kind << 24) ^ (ulong)happened.OutputTokens ^ (ulong)happened.Interval.Ticks));
}
