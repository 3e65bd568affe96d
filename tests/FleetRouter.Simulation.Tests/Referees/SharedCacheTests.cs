using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Tests.Comparison;
using FleetRouter.Simulation.Tests.Engine;
using static FleetRouter.Simulation.Tests.Engine.EngineRuns;

namespace FleetRouter.Simulation.Tests.Referees;

public class SharedCacheTests
{
    private static (EngineModel First, EngineModel Second) Pair(int sharedBlocks, int blocks = 100)
    {
        var shared = new SharedCache(sharedBlocks);
        EngineModel Engine() => new(Cells.Profile, new EngineLimits { KvBlocks = blocks }, shared);
        return (Engine(), Engine());
    }

    private static int Cached(EngineModel engine, EngineRequest request)
    {
        var events = new List<EngineEvent>();
        engine.Submit(request, TimeSpan.Zero);
        engine.RunUntilIdle(TimeSpan.Zero, events);
        return events.Single(e => e.Kind == EngineEventKind.Finished).Times.CachedTokens;
    }

    [Fact]
    public void What_one_engine_computed_another_finds()
    {
        (EngineModel first, EngineModel second) = Pair(200);
        Assert.Equal(0, Cached(first, Request(1, Prompt(800, 1), 4)));
        Assert.Equal(784, Cached(second, Request(2, Prompt(800, 1), 4)));
        Assert.Equal(800 - 784, second.Counters.ComputedPrefillTokens);
        Assert.Equal(0, Cached(second, Request(3, Prompt(800, 2), 4)));
    }

    [Fact]
    public void Half_of_a_prompt_may_be_at_home_and_half_elsewhere()
    {
        (EngineModel first, EngineModel second) = Pair(200);
        Cached(first, Request(1, Prompt(800, 1, 400), 4));
        Assert.Equal(400, Cached(second, Request(2, Prompt(480, 2, 400), 4)));
        Assert.Equal(784, Cached(second, Request(3, Prompt(800, 1, 400), 4)));
        Assert.Equal(0, second.UsedBlocks);
    }

    [Fact]
    public void It_holds_what_it_has_room_for_and_forgets_the_end_of_a_prompt_first()
    {
        (EngineModel first, EngineModel second) = Pair(60);
        Cached(first, Request(1, Prompt(800, 1), 1));
        Cached(first, Request(2, Prompt(320, 2), 1));
        Assert.Equal(640, Cached(second, Request(3, Prompt(800, 1), 1)));
    }

    [Fact]
    public void What_comes_from_elsewhere_still_needs_blocks_here()
    {
        (EngineModel first, EngineModel second) = Pair(200, blocks: 60);
        Cached(first, Request(1, Prompt(800, 1), 4));
        var now = TimeSpan.Zero;
        second.Submit(Request(2, Prompt(800, 2), 100), now);
        second.Submit(Request(3, Prompt(800, 1), 4), now);
        var events = new List<EngineEvent>();
        second.RunUntilIdle(now, events);
        Assert.Equal([2L, 3L], events.Where(e => e.Kind == EngineEventKind.Finished).Select(e => e.Request.Id));
        RequestTimes later = events.Single(e => e.Kind == EngineEventKind.Finished && e.Request.Id == 3).Times;
        Assert.Equal(784, later.CachedTokens);
        Assert.True(later.FirstScheduled >= events.Single(e => e.Kind == EngineEventKind.Finished && e.Request.Id == 2).Times.LastToken);
    }

    [Fact]
    public void A_fleet_that_shares_finds_more_wherever_requests_go()
    {
        PreparedWorkload workload = Cells.Conversations();
        FleetRun Run(bool shares)
        {
            FleetSetup setup = Cells.Of(workload, instances: 4).Setup(new PoolOptions { Name = "sim", Policy = "round-robin" }) with { SharedCache = shares };
            return FleetSimulation.Run(workload, setup, 4);
        }
        FleetRun apart = Run(false), shared = Run(true);
        Assert.All(shared.Outcomes, outcome => Assert.Equal(OutcomeKind.Completed, outcome.Kind));
        long apartTokens = apart.Outcomes.Sum(o => (long)o.CachedTokens), sharedTokens = shared.Outcomes.Sum(o => (long)o.CachedTokens);
        Assert.True(sharedTokens > 1.2 * apartTokens, $"{sharedTokens} tokens found with a shared cache, {apartTokens} without");
    }
}
