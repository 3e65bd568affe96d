using FleetRouter.Simulation.Comparison;

namespace FleetRouter.Simulation.Tests.Comparison;

public class CapacitySearchTests
{
    private static double Rate(int step) => Math.Pow(1 + RateScale.StepSize, step);

    [Theory]
    [InlineData(0)]
    [InlineData(37)]
    [InlineData(-50)]
    [InlineData(200)]
    [InlineData(-200)]
    public void A_known_knee_is_found_to_the_step_from_anywhere(int start)
    {
        var asked = new List<int>();
        var found = new CapacitySearch(step => { asked.Add(step); return step <= 41; }, Rate).Find(start);
        Assert.Equal(new Capacity(41, false), found);
        Assert.True(asked.Distinct().Count() < 30, $"{asked.Distinct().Count()} runs");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Noise_near_the_knee_costs_no_more_than_its_width(ulong seed)
    {
        // Below 30 it holds, above 40 it fails, between them as chance has it, the same each time.
        bool Holds(int step) => step <= 30 || step <= 40 && (Simulation.Workloads.SplitMix64.Combine(seed, (ulong)step) & 1) == 0;
        var search = new CapacitySearch(Holds, Rate);
        var found = search.Find(0);
        Assert.InRange(found!.Value.Step, 30, 40);
        Assert.True(Holds(found.Value.Step));
        Assert.Equal(found, search.Find(0));
    }

    [Fact]
    public void A_single_failure_just_below_the_knee_is_passed() =>
        Assert.Equal(new Capacity(41, false), new CapacitySearch(step => step <= 41 && step != 40, Rate).Find(8));

    [Fact]
    public void What_holds_nowhere_has_no_capacity() => Assert.Null(new CapacitySearch(_ => false, Rate).Find(0));

    [Fact]
    public void Where_the_rate_grows_no_more_capacity_is_a_bound()
    {
        var found = new CapacitySearch(_ => true, step => Math.Min(4, Rate(step))).Find(0);
        Assert.True(found!.Value.IsBound);
        Assert.Equal(4, Math.Min(4, Rate(found.Value.Step)), 0.2);
    }

    [Fact]
    public void A_coarse_search_is_as_near_as_it_says() =>
        Assert.InRange(new CapacitySearch(step => step <= 41, Rate, 2).Find(0)!.Value.Step, 40, 41);
}
