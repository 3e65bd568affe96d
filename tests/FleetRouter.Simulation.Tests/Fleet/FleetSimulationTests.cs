using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Tests.Comparison;

namespace FleetRouter.Simulation.Tests.Fleet;

public class FleetSimulationTests
{
    private static readonly PreparedWorkload Workload = Cells.Conversations();

    private static FleetRun Run(Action<PoolEvent, IReadOnlyList<PoolEffect>>? observe = null, double pace = 4, string policy = "dual-hash", bool moves = false, int instances = 3) =>
        FleetSimulation.Run(Workload, Cells.Of(Workload, instances).Setup(new PoolOptions { Name = "sim", Policy = policy, RebalanceQueued = moves }), pace, observe);

    private static string Journal(double pace, string policy, bool moves)
    {
        var journal = new System.Text.StringBuilder();
        FleetRun run = Run((happened, effects) => journal.AppendLine($"{happened.GetType().Name} {happened.At} {string.Join(' ', effects.Select(Told))}"), pace, policy, moves);
        foreach (RequestOutcome of in run.Outcomes)
            journal.AppendLine($"{of.Request.ForRouter.Id} {of.Kind} {of.Engine} {of.OfferedAt} {of.FirstTokenAt} {of.EndedAt} {of.CachedTokens}");
        return journal.ToString();
    }

    private static string Told(PoolEffect effect) => effect is Dispatch sent ? $"{sent.RequestId}>{sent.Instance}" : effect.GetType().Name;

    [Theory]
    [InlineData("dual-hash", false)]
    [InlineData("power-of-two", false)]
    [InlineData("dual-map", true)]
    public void The_same_seed_gives_the_same_run(string policy, bool moves)
    {
        string first = Journal(20, policy, moves);
        Assert.Equal(first, Journal(20, policy, moves));
        Assert.NotEqual(first, Journal(10, policy, moves));
    }

    [Fact]
    public void The_pool_hears_of_events_in_order_of_time()
    {
        TimeSpan last = TimeSpan.Zero;
        Run((happened, _) =>
        {
            Assert.True(happened.At >= last, $"{happened} after {last}");
            last = happened.At;
        });
        Assert.True(last > TimeSpan.Zero);
    }

    [Theory]
    [InlineData("dual-hash", 1, false)]
    [InlineData("dual-hash", 1000, false)]
    [InlineData("round-robin", 1000, false)]
    [InlineData("dual-map", 1000, true)]
    public void Every_request_is_answered_and_no_lease_is_left(string policy, double pace, bool moves)
    {
        int moved = 0;
        FleetRun run = Run((_, effects) => moved += effects.OfType<Move>().Count(), pace, policy, moves);
        Assert.All(run.Outcomes, outcome => Assert.Equal(OutcomeKind.Completed, outcome.Kind));
        Assert.All(run.Outcomes, outcome => Assert.Equal(outcome.Request.ForEngine.OutputTokens, outcome.OutputTokens));
        Assert.Equal(0, run.Leases);
        Assert.Equal(run.Outcomes.Count, run.Engines.Sum(engine => engine.Finished));
        Assert.True(moves || moved == 0);
    }

    [Fact]
    public void A_turn_waits_for_the_answer_it_follows()
    {
        FleetRun run = Run(pace: 1000);
        int followUps = 0;
        foreach (RequestOutcome outcome in run.Outcomes)
        {
            foreach (int before in outcome.Request.Source.Release.After)
            {
                RequestOutcome followed = run.Outcomes[Workload.Requests[outcome.Request.Session][before].Index];
                Assert.True(outcome.OfferedAt >= followed.EndedAt + outcome.Request.Source.Release.ThinkTime, outcome.Request.ForRouter.Id);
                followUps++;
            }
        }
        Assert.True(followUps > 20);
    }

    [Fact]
    public void A_refused_client_comes_with_its_next_turn_no_sooner_than_it_was_told()
    {
        var told = new Dictionary<string, TimeSpan>();
        var tight = new PoolOptions { Name = "sim", MaxRequestsPerInstance = 1, MaxHeld = 0 };
        FleetRun run = FleetSimulation.Run(Workload, Cells.Of(Workload, 1).Setup(tight), 1000, (_, effects) =>
        {
            foreach (Refuse refuse in effects.OfType<Refuse>())
                told[refuse.RequestId] = refuse.Refusal.RetryAfter!.Value;
        });
        int asked = 0;
        foreach (RequestOutcome outcome in run.Outcomes)
            foreach (int before in outcome.Request.Source.Release.After)
            {
                RequestOutcome followed = run.Outcomes[Workload.Requests[outcome.Request.Session][before].Index];
                if (!told.TryGetValue(followed.Request.ForRouter.Id, out TimeSpan after))
                    continue;
                Assert.True(outcome.OfferedAt >= followed.EndedAt + after, outcome.Request.ForRouter.Id);
                asked += after > outcome.Request.Source.Release.ThinkTime ? 1 : 0;
            }
        Assert.True(asked > 5, $"{asked} told to wait longer than they would have");
    }

    [Fact]
    public void Events_grow_with_requests_and_hardly_with_instances()
    {
        FleetRun Of(int sessions, int instances)
        {
            PreparedWorkload workload = Cells.Conversations(sessions);
            // Probes tick for every instance as long as the run lasts; here only at its beginning.
            return FleetSimulation.Run(workload, Cells.Of(workload, instances).Setup(new PoolOptions { Name = "sim" }) with { ProbeInterval = TimeSpan.FromHours(1) }, 4);
        }
        FleetRun one = Of(40, 4), four = Of(160, 4), wide = Of(160, 32);
        Assert.InRange((double)four.Events / four.Outcomes.Count / ((double)one.Events / one.Outcomes.Count), 0.5, 1.5);
        Assert.InRange((double)wide.Events / four.Events, 0.7, 3);
    }

    [Fact]
    public void A_faster_pace_never_changes_what_is_asked()
    {
        Cell cell = Cells.Of(Workload);
        Assert.True(cell.RateAt(8) > cell.RateAt(1));
        Assert.Equal(Run(pace: 1).Outcomes.Sum(o => o.OutputTokens), Run(pace: 50).Outcomes.Sum(o => o.OutputTokens));
    }
}
