using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Tests.Comparison;
using static FleetRouter.Simulation.Tests.Engine.EngineRuns;

namespace FleetRouter.Simulation.Tests.Referees;

public class ClairvoyantTests
{
    private static EngineModel Engine(int blocks = 1000) => new(Cells.Profile, new EngineLimits { KvBlocks = blocks });

    [Fact]
    public void It_knows_what_is_cached_and_what_is_about_to_be()
    {
        EngineModel engine = Engine();
        EngineRequest request = Request(1, Prompt(8_000, 1), 4);
        Prospect cold = engine.ProspectFor(request, []);
        Assert.Equal((0, 0, 0), (cold.QueueSeconds, cold.RoomSeconds, cold.Requests));
        Assert.Null(cold.OldestSeconds);

        engine.Submit(request, TimeSpan.Zero);
        Prospect behind = engine.ProspectFor(Request(2, Prompt(8_000, 1), 4), []);
        Assert.Equal(cold.OwnSeconds, behind.QueueSeconds, 9);
        Assert.InRange(behind.OwnSeconds, 1e-9, cold.OwnSeconds / 100);
        Assert.Equal(1, behind.Requests);

        engine.RunUntilIdle(TimeSpan.Zero, []);
        Prospect warm = engine.ProspectFor(Request(3, Prompt(8_000, 1), 4), []);
        Assert.Equal((0, 0), (warm.QueueSeconds, warm.Requests));
        Assert.Equal(behind.OwnSeconds, warm.OwnSeconds);
    }

    [Fact]
    public void It_knows_of_what_is_on_its_way()
    {
        EngineRequest sent = Request(1, Prompt(8_000, 1), 4), other = Request(2, Prompt(4_000, 2), 4);
        Prospect prospect = Engine().ProspectFor(other, [sent]);
        Assert.Equal(Engine().ProspectFor(sent, []).OwnSeconds, prospect.QueueSeconds, 9);
        Assert.Equal(Engine().ProspectFor(other, []).OwnSeconds, prospect.OwnSeconds, 9);
    }

    [Fact]
    public void It_knows_when_room_comes_by_the_true_length_of_answers()
    {
        double Room(int output)
        {
            EngineModel engine = Engine(blocks: 100);
            engine.Submit(Request(1, Prompt(1_000, 1), output), TimeSpan.Zero);
            TimeSpan now = TimeSpan.Zero;
            for (int i = 0; i < 5; i++)
                engine.Step(ref now, []);
            return engine.ProspectFor(Request(2, Prompt(1_000, 2), 4), []).RoomSeconds;
        }
        Assert.InRange(Room(400) / Room(100), 3.5, 4.5);
        Assert.Equal(0, Engine(blocks: 100).ProspectFor(Request(2, Prompt(1_000, 2), 4), []).RoomSeconds);
    }

    [Theory]
    [InlineData(PlannedCell.Clairvoyant)]
    [InlineData(PlannedCell.SharedCache)]
    public void A_referee_answers_everybody_the_same_in_every_run_and_sooner_than_least_requests(string name)
    {
        Cell cell = Cells.Of(Cells.Conversations(sessions: 80), instances: 4);
        RunScore plain = Contestant.Of("least-requests").Run(cell, 8);
        foreach (Contestant variant in RefereeFamilies.Of(name, tuned: true).Variants)
        {
            RunScore score = variant.Run(cell, 8);
            Assert.Equal(score, variant.Run(cell, 8));
            Assert.Equal((0, 0), (score.Unfinished, score.RefusedShare));
            Assert.True(score.TtftMilliseconds.P90 < plain.TtftMilliseconds.P90,
                $"{variant.Name}: first tokens within {score.TtftMilliseconds.P90:0} ms, least-requests within {plain.TtftMilliseconds.P90:0} ms");
        }
    }

    [Fact]
    public void The_comparison_tells_the_distance_to_it()
    {
        Cell cell = Cells.Of(Cells.Spaced(60));
        Family[] all = [Family.OfPolicy(Family.Default, false), Family.OfPolicy("round-robin", false), .. RefereeFamilies.Names.Select(n => RefereeFamilies.Of(n, false))];
        ComparisonResult result = new PolicyComparison(cell, all, quick: true).Run();
        Assert.Equal(2, result.All.Count(s => s.Family.Standing == Standing.Referee && s.Capacity is not null));
        Assert.Equal("round-robin", result.BestRival!.Family.Name);
    }

    [Fact]
    public void An_unknown_referee_is_named() =>
        Assert.Contains("'oracle'", Assert.Throws<ArgumentException>(() => RefereeFamilies.Of("oracle", true)).Message);
}
