using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Tests.Fleet;

/// <summary>What the simulated gateway and engines do when things go wrong: as the live ones.</summary>
public class FleetFaultTests
{
    private static readonly TimeSpan Long = TimeSpan.FromDays(1);

    private readonly List<PoolEvent> _told = [];
    private readonly List<PoolEffect> _asked = [];

    [Fact]
    public void An_engine_that_stands_still_is_given_up_after_the_activity_timeout()
    {
        FleetRun run = Run(1, [Ask(0, 100, 50)], setup => setup with
        {
            Faults = [new EngineFault(TimeSpan.Zero, 0, FaultKind.Stall, Long)], ActivityTimeout = Second(7),
        });
        Assert.Equal((OutcomeKind.Broken, Second(7)), (run.Outcomes[0].Kind, run.Outcomes[0].EndedAt));
        Assert.Equal([RequestEnd.Failed], Ends());
        Assert.Equal(0, run.Leases);
    }

    [Fact]
    public void A_stall_in_mid_answer_has_it_go_on_elsewhere_behind_the_tokens_its_client_has()
    {
        FleetRun run = Run(2, [Ask(0, 100, 500)], setup => setup with
        {
            Faults = [new EngineFault(Second(1), 0, FaultKind.Stall, Long), new EngineFault(Second(1), 1, FaultKind.Lie, Long)], ActivityTimeout = Second(7),
            Pool = setup.Pool with { Policy = "round-robin" },
        });
        RequestOutcome outcome = run.Outcomes[0];
        Assert.Equal((OutcomeKind.Completed, 500, 1), (outcome.Kind, outcome.OutputTokens, outcome.Resumes));
        AttemptFailed failed = Assert.Single(_told.OfType<AttemptFailed>());
        Assert.Equal(AttemptFailure.Stalled, failed.Failure);
        Assert.InRange(failed.EmittedTokens, 1, 499);
        // The timeout counts from the last token, which a stall lets the step in flight still bring.
        Assert.InRange(failed.At, Second(8), Second(8.1));
        Assert.InRange(outcome.LongestGap, Second(7), Second(7.5));
    }

    [Fact]
    public void What_may_not_go_on_is_broken_by_a_stall()
    {
        PreparedWorkload workload = PreparedWorkload.Of([Ask(0, 100, 500)], seed: 1).With(request => request.ForRouter with { CanMove = false });
        FleetRun run = FleetSimulation.Run(workload, new FleetSetup
        {
            Engines = [EngineProfile.Named("a100-llama-3.1-8b")], Pool = new PoolOptions { Name = "faults" },
            Faults = [new EngineFault(Second(1), 0, FaultKind.Stall, Long)], ActivityTimeout = Second(7),
        }, observe: (happened, _) => _told.Add(happened));
        Assert.Equal(OutcomeKind.Broken, run.Outcomes[0].Kind);
        Assert.Equal([RequestEnd.EngineBroke], Ends());
    }

    [Fact]
    public void An_answer_longer_than_the_activity_timeout_is_not_cut()
    {
        FleetRun run = Run(1, [Ask(0, 100, 500)], setup => setup with { ActivityTimeout = Second(1) });
        Assert.True(run.Outcomes[0].EndedAt > Second(2));
        Assert.Equal(OutcomeKind.Completed, run.Outcomes[0].Kind);
    }

    [Fact]
    public void A_client_that_leaves_frees_its_lease_and_its_engine()
    {
        FleetRun run = Run(1, [Ask(0, 100, 5_000), Ask(2, 100, 1)], setup => setup with
        {
            Patience = new Dictionary<int, TimeSpan> { [0] = Second(1) },
        });
        Assert.Equal([OutcomeKind.Left, OutcomeKind.Completed], run.Outcomes.Select(outcome => outcome.Kind));
        Assert.Equal([RequestEnd.ClientGone, RequestEnd.Completed], Ends());
        Assert.Equal((1, 0), (run.Engines[0].Aborted, run.Leases));
    }

    [Fact]
    public void A_prompt_beyond_the_context_is_answered_at_once_and_tried_nowhere_else()
    {
        FleetRun run = Run(3, [Ask(0, 5_000, 1)], setup => setup with { Limits = new EngineLimits { MaxModelLength = 4_096 } });
        Assert.Equal((OutcomeKind.TooLong, 1), (run.Outcomes[0].Kind, run.Outcomes[0].Attempts));
        Assert.Equal([RequestEnd.Completed], Ends());
    }

    [Theory]
    [InlineData(20_000, 10, 0)]   // in its prefill
    [InlineData(100, 500, 1)]     // in its answer
    public void A_crash_sends_it_elsewhere_and_no_token_is_lost(int promptTokens, int outputTokens, int resumes)
    {
        FleetRun run = Run(2, [Ask(0, promptTokens, outputTokens)], setup => setup with
        {
            Pool = setup.Pool with { Policy = "round-robin" }, Faults = [new EngineFault(Second(0.5), 0, FaultKind.Crash, Second(1))],
        });
        RequestOutcome outcome = run.Outcomes[0];
        Assert.Equal((OutcomeKind.Completed, 2, outputTokens, resumes), (outcome.Kind, outcome.Attempts, outcome.OutputTokens, outcome.Resumes));
        // What the client had is not generated again.
        Assert.Equal(outputTokens - (resumes > 0 ? Assert.Single(_told.OfType<AttemptFailed>()).EmittedTokens : 0), run.Engines[1].GeneratedTokens);
    }

    [Fact]
    public void A_moved_request_is_answered_by_the_engine_it_was_moved_to()
    {
        // In turn: one engine gets the long prompts, the other the short ones; two engines are every prompt's pair.
        FleetRun run = Run(2, [.. Enumerable.Range(0, 12).Select(i => Ask(0.05 * i, i % 2 == 0 ? 12_000 : 100, 4))], setup => setup with
        {
            Pool = setup.Pool with { Policy = "round-robin", RebalanceQueued = true, TtftSlo = Second(4) },
        });
        Move[] moves = [.. _asked.OfType<Move>()];
        Assert.NotEmpty(moves);
        Assert.All(run.Outcomes, outcome => Assert.Equal(OutcomeKind.Completed, outcome.Kind));
        foreach (Move move in moves)
        {
            RequestOutcome outcome = run.Outcomes.Single(outcome => outcome.Request.ForRouter.Id == move.RequestId);
            Assert.Equal((move.To, 2), ($"engine-{outcome.Engine:0000}", outcome.Attempts));
        }
        Assert.Equal(moves.Length, run.Engines.Sum(engine => engine.Aborted));
    }

    private FleetRun Run(int engines, List<TraceSession> asked, Func<FleetSetup, FleetSetup> change)
    {
        var setup = change(new FleetSetup
        {
            Engines = [.. Enumerable.Repeat(EngineProfile.Named("a100-llama-3.1-8b"), engines)],
            Pool = new PoolOptions { Name = "faults" },
        });
        return FleetSimulation.Run(PreparedWorkload.Of(asked, seed: 1), setup, observe: (happened, effects) =>
        {
            _told.Add(happened);
            _asked.AddRange(effects);
        });
    }

    private IEnumerable<RequestEnd> Ends() => _told.OfType<RequestEnded>().Select(ended => ended.End);

    private static TraceSession Ask(double atSeconds, int promptTokens, int outputTokens) => TraceSession.Lone(
        Second(atSeconds), new BlockText(promptTokens, [new BlockRun(SplitMix64.Key("faults"), (long)(1000 * atSeconds), 1)], promptTokens), outputTokens);

    private static TimeSpan Second(double seconds) => TimeSpan.FromSeconds(seconds);
}
