using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Text;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Tests.Fleet;

/// <summary>Answers carried over from engine to engine, as the gateway does it.</summary>
public class FleetMigrationTests
{
    private readonly List<PoolEvent> _told = [];

    [Fact]
    public void An_engine_that_drains_is_empty_in_seconds_and_every_answer_is_whole()
    {
        FleetRun run = Run(4, Asks(64, 400, 1_000), new EngineFault(Second(4), 0, FaultKind.Drain, Second(60)));
        Assert.All(run.Outcomes, outcome => Assert.Equal((OutcomeKind.Completed, 1_000), (outcome.Kind, outcome.OutputTokens)));
        Assert.InRange(run.Outcomes.Sum(outcome => outcome.Migrations), 10, 64);
        TimeSpan last = _told.OfType<MigrationEnded>().Max(ended => ended.At);
        Assert.InRange(last, Second(4), Second(14));
        Assert.All(_told.OfType<MigrationEnded>(), ended => Assert.Null(ended.Failure));
        // The seam: the way there and back, the engine's own delay, and a step or two beside others' prompts.
        Assert.All(run.Outcomes, outcome => Assert.InRange(outcome.LongestSeam, TimeSpan.Zero, Second(0.25)));
        Assert.Equal(0, run.Leases);
        // Carried over at the token, no answer is generated twice: only what streamed on after the cut, and what warmed the target.
        Assert.InRange(run.Engines.Sum(engine => engine.GeneratedTokens), 64_000, 64_000 + 64 * 60);
    }

    [Fact]
    public void Where_the_target_dies_meanwhile_the_answer_stays()
    {
        FleetRun run = Run(2, Asks(1, 30_000, 300), new EngineFault(Second(6), 0, FaultKind.Drain, Second(600)), new EngineFault(Second(7), 1, FaultKind.Crash, Second(600)));
        RequestOutcome outcome = run.Outcomes[0];
        Assert.Equal((OutcomeKind.Completed, 300, 1, 0), (outcome.Kind, outcome.OutputTokens, outcome.Attempts, outcome.Migrations));
        Assert.InRange(outcome.LongestGap, TimeSpan.Zero, Second(0.1));
        Assert.Contains(_told.OfType<MigrationEnded>(), ended => ended.Failure is not null);
        Assert.Equal(0, run.Leases);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(45)]
    public void The_rest_of_an_answer_is_found_in_the_cache_as_far_as_it_was_given(int given)
    {
        var model = new EngineModel(EngineProfile.Named("a100-llama-3.1-8b"));
        uint[] prompt = [.. Enumerable.Range(0, 70).Select(i => (uint)i)];
        EngineRequest whole = EngineRequest.Of(1, prompt, 60, SyntheticAnswer.To(prompt));
        TimeSpan now = Serve(model, whole, TimeSpan.Zero, out _);
        EngineRequest rest = whole.From(given, 2);
        Assert.Equal((70 + given, 60 - given, whole.OutputToken(given)), (rest.PromptTokens, rest.OutputTokens, rest.OutputToken(0)));
        Serve(model, rest, now, out RequestTimes times);
        Assert.Equal((70 + given - 1) / BlockHash.BlockSize * BlockHash.BlockSize, times.CachedTokens);
    }

    private static TimeSpan Serve(EngineModel model, EngineRequest request, TimeSpan now, out RequestTimes times)
    {
        var events = new List<EngineEvent>();
        model.Submit(request, now);
        now += TimeSpan.FromSeconds(1);
        while (!events.Exists(e => e.Kind == EngineEventKind.Finished))
        {
            now += model.BeginStep(now).Duration;
            model.CompleteStep(now, events);
        }
        times = events[^1].Times;
        return now;
    }

    private FleetRun Run(int engines, List<TraceSession> asked, params EngineFault[] faults) => FleetSimulation.Run(
        PreparedWorkload.Of(asked, seed: 1),
        new FleetSetup
        {
            Engines = [.. Enumerable.Repeat(EngineProfile.Named("a100-llama-3.1-8b"), engines)], Faults = faults,
            Pool = new PoolOptions { Name = "migration", Policy = "round-robin", Migration = true },
        },
        observe: (happened, _) => _told.Add(happened));

    private static List<TraceSession> Asks(int count, int promptTokens, int outputTokens) => [.. Enumerable.Range(0, count).Select(i => TraceSession.Lone(
        Second(0.02 * i), new BlockText(promptTokens, [new BlockRun(SplitMix64.Key("migration"), i, 1)], promptTokens), outputTokens))];

    private static TimeSpan Second(double seconds) => TimeSpan.FromSeconds(seconds);
}
