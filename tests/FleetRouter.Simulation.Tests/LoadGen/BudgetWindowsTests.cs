using FleetRouter.LoadGen.Chaos.Cluster;

namespace FleetRouter.Simulation.Tests.LoadGen;

public class BudgetWindowsTests
{
    private static readonly TimeSpan Per = TimeSpan.FromSeconds(10);

    private static PaidAnswer Paid(double sent, double begun, long tokens) => new(DateTimeOffset.UnixEpoch.AddSeconds(sent), DateTimeOffset.UnixEpoch.AddSeconds(begun), tokens);

    [Fact]
    public void What_fell_into_one_window_is_held_against_one_budget()
    {
        PaidAnswer[] answers = [Paid(1, 2, 60), Paid(8, 9.9, 40), Paid(10, 11, 100)];
        Assert.Equal(0, BudgetWindows.Overspent(answers, 100, Per));
        Assert.Equal(1, BudgetWindows.Overspent([.. answers, Paid(3, 4, 1)], 100, Per));
        Assert.Equal((100, 2), (BudgetWindows.Fullest(answers, Per), BudgetWindows.Count(answers, Per)));
    }

    [Fact]
    public void What_was_under_way_at_a_turn_counts_in_either_window_and_not_in_both()
    {
        PaidAnswer[] answers = [Paid(1, 2, 90), Paid(9, 10.5, 60), Paid(11, 12, 40)];
        Assert.Equal(0, BudgetWindows.Overspent(answers, 100, Per));
        Assert.Equal(10, BudgetWindows.Overspent([.. answers, Paid(13, 14, 20)], 100, Per));   // 210 in the two of them
        Assert.Equal(5, BudgetWindows.Overspent([Paid(9, 25, 305)], 100, Per));
        Assert.Equal((0, 0L), (BudgetWindows.Count([], Per), BudgetWindows.Fullest([], Per)));
    }
}
