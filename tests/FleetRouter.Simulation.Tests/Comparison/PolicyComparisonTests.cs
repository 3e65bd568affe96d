using FleetRouter.Simulation.Comparison;

namespace FleetRouter.Simulation.Tests.Comparison;

public class PolicyComparisonTests
{
    private static readonly Cell Cell = Cells.Of(Cells.Spaced(60));

    /// <summary>A contestant that keeps the promise up to a rate, with a longest tenth of its own.</summary>
    private static Contestant Known(string name, double knee, Func<double, double>? longest = null, Action<double>? ran = null) => new(name, (cell, pace) =>
    {
        double rate = cell.RateAt(pace);
        ran?.Invoke(rate);
        double share = rate <= knee ? 0.95 : 0.9 * knee / rate * 0.9;
        return new RunScore(share, longest?.Invoke(rate) ?? share, rate * share, default, default, 0.5, 1, 0, 0);
    });

    private static Family Ours(Contestant contestant) => new("ours", Standing.Ours, [contestant]);

    private static Family Rival(string name, params Contestant[] variants) => new(name, Standing.Rival, variants);

    private static double Rate(ComparisonResult result, string name) =>
        result.Scale.RateAt(result.All.Single(s => s.Family.Name == name).Protected!.Value.Step);

    [Fact]
    public void Capacities_are_the_knees_to_a_step()
    {
        var result = new PolicyComparison(Cell, [Ours(Known("ours", 5)), Rival("a", Known("a", 4)), Rival("b", Known("b", 2))]).Run();
        Assert.InRange(Rate(result, "ours"), 5 / 1.015, 5);
        Assert.InRange(Rate(result, "a"), 4 / 1.015, 4);
        Assert.InRange(Rate(result, "b"), 2 / 1.015, 2);
        Assert.Equal("a", result.BestRival!.Family.Name);
        Assert.InRange(result.Overload!.Rps, 5.8, 6.1);
    }

    [Fact]
    public void Starving_the_longest_prompts_is_no_capacity()
    {
        // It serves twice what its rival does, and from 3 a second on the long ones pay for it.
        var greedy = Known("ours", 8, rate => rate <= 3 ? 0.95 : 0.5);
        var fair = Known("fair", 4, rate => 0.93);
        var result = new PolicyComparison(Cell, [Ours(greedy), Rival("fair", fair)]).Run();
        Assert.InRange(Rate(result, "ours"), 3 / 1.015, 3);
        Assert.InRange(result.Scale.RateAt(result.Ours!.Capacity!.Value.Step), 8 / 1.015, 8);
    }

    [Fact]
    public void Three_points_less_for_the_longest_prompts_are_allowed()
    {
        var result = new PolicyComparison(Cell, [Ours(Known("ours", 5, _ => 0.901)), Rival("a", Known("a", 4, _ => 0.93)), Rival("c", Known("c", 3, _ => 0.89))]).Run();
        Assert.InRange(Rate(result, "ours"), 5 / 1.015, 5);
        Assert.Null(result.All.Single(s => s.Family.Name == "c").Protected);
    }

    [Fact]
    public void An_unfinished_request_fails_a_rate()
    {
        var inner = Known("ours", 8);
        var stalls = new Contestant("ours", (cell, pace) => inner.Run(cell, pace) with { Unfinished = cell.RateAt(pace) > 2 ? 1 : 0 });
        var result = new PolicyComparison(Cell, [Ours(stalls), Rival("a", Known("a", 4))]).Run();
        Assert.InRange(Rate(result, "ours"), 2 / 1.015, 2);
    }

    [Fact]
    public void A_rival_counts_with_its_best_setting_and_ours_with_its_only_one()
    {
        var result = new PolicyComparison(Cell, [Ours(Known("ours", 5)), Rival("a", Known("a", 2), Known("a:x=1", 3), Known("a:x=2", 4.5))]).Run();
        Assert.Equal("a:x=2", result.BestRival!.Runs.Name);
        Assert.InRange(Rate(result, "a"), 4.5 / 1.015, 4.5);
    }

    [Fact]
    public void No_point_is_run_twice()
    {
        var rates = new System.Collections.Concurrent.ConcurrentBag<double>();
        new PolicyComparison(Cell, [Ours(Known("ours", 5)), Rival("a", Known("a", 4, ran: rates.Add))]).Run();
        Assert.Equal(rates.Count, rates.Distinct().Count());
    }
}
