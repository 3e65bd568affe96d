using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Tests.Fleet;

/// <summary>Requests whose first token is late, asked of a second engine, as the gateway does it.</summary>
public class FleetHedgingTests(ITestOutputHelper output)
{
    private readonly List<PoolEvent> _told = [];

    [Theory]
    [InlineData("round-robin")]
    [InlineData("least-cost")]
    public void Where_engines_hiccup_late_first_tokens_come_sooner_and_little_is_done_twice(string policy)
    {
        EngineFault[] hiccups = [.. Enumerable.Range(0, 20).Select(i => new EngineFault(Second(10 + 5 * i), i % 4, FaultKind.Stall, Second(2)))];
        FleetRun off = Run(policy, 0, hiccups), on = Run(policy, 0.05, hiccups);
        (double before, double after) = (Late(off), Late(on));
        int hedged = on.Outcomes.Count(o => o.WasHedged), won = on.Outcomes.Count(o => o.SecondWon);
        double more = (double)on.Engines.Sum(e => e.ComputedPrefillTokens) / off.Engines.Sum(e => e.ComputedPrefillTokens) - 1;
        output.WriteLine($"{policy}: TTFT of the latest hundredth {before:0.000} s without, {after:0.000} s with; {hedged} of {on.Outcomes.Count} asked twice, {won} of them answered by the second; {more:0.0%} more prompt tokens computed");
        Assert.True(after < 0.7 * before, $"{before} s before, {after} s after");
        Assert.InRange(hedged, 1, 0.05 * on.Outcomes.Count);
        Assert.InRange(more, 0, 0.05);
        Assert.InRange(won, 0.5 * hedged, hedged);
        Assert.DoesNotContain(off.Outcomes, o => o.WasHedged);
        foreach (FleetRun run in (FleetRun[])[off, on])
        {
            Assert.All(run.Outcomes, o => Assert.Equal((OutcomeKind.Completed, 40), (o.Kind, o.OutputTokens)));
            Assert.Equal(0, run.Leases);
        }
    }

    [Fact]
    public void An_engine_that_dies_with_first_tokens_outstanding_loses_none_that_was_asked_twice()
    {
        // It stands still, then dies: who was asked of another meanwhile has no failed attempt of its own.
        FleetRun run = Run("round-robin", 0.5, new EngineFault(Second(60), 0, FaultKind.Stall, Second(30)), new EngineFault(Second(61), 0, FaultKind.Crash, Second(20)));
        Assert.All(run.Outcomes, o => Assert.Equal((OutcomeKind.Completed, 40), (o.Kind, o.OutputTokens)));
        Assert.Contains(_told.OfType<HedgeEnded>(), e => e.End == HedgeEnd.SecondWon);
        Assert.Equal(0, run.Leases);
    }

    /// <summary>Mean time to a first token of the latest hundredth, seconds: a policy that sends an engine which stands still only one in a hundred has a low 99th percentile.</summary>
    private static double Late(FleetRun run)
    {
        double[] times = [.. run.Outcomes.Select(o => o.TimeToFirstToken!.Value.TotalSeconds).Order()];
        return times[(int)(0.99 * times.Length)..].Average();
    }

    private FleetRun Run(string policy, double budget, params EngineFault[] faults) => FleetSimulation.Run(
        PreparedWorkload.Of([.. Enumerable.Range(0, 1_200).Select(i => Ask(i))], seed: 1),
        new FleetSetup
        {
            Engines = [.. Enumerable.Repeat(EngineProfile.Named("a100-llama-3.1-8b"), 4)], Faults = faults,
            Pool = new PoolOptions { Name = "hedging", Policy = policy, HedgeBudget = budget },
        },
        observe: (happened, _) => _told.Add(happened));

    /// <summary>Ten a second, each a prompt of its own.</summary>
    private static TraceSession Ask(int i)
    {
        int tokens = 200 + 37 * (i % 50);
        return TraceSession.Lone(Second(0.1 * i), new BlockText(64, [new BlockRun((ulong)i + 1, 0, 1 + tokens / 64)], tokens), 40);
    }

    private static TimeSpan Second(double at) => TimeSpan.FromSeconds(at);
}
