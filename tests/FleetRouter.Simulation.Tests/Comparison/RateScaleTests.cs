using FleetRouter.Simulation.Comparison;

namespace FleetRouter.Simulation.Tests.Comparison;

public class RateScaleTests
{
    [Fact]
    public void Requests_of_their_own_come_in_proportion_to_the_pace()
    {
        var scale = new RateScale(Cells.Spaced(60));
        Assert.Equal(1, scale.RateAt(0), 1e-3);
        Assert.Equal(Math.Pow(1.015, 50), scale.RateAt(50), 1e-2);
        Assert.Equal(50, scale.StepFor(scale.RateAt(50)));
    }

    [Fact]
    public void Sessions_that_all_start_at_once_come_no_faster()
    {
        var scale = new RateScale(Cells.Conversations());
        int last = scale.StepFor(1e9);
        Assert.True(scale.RateAt(last + 100) < 1.1 * scale.RateAt(last), $"{scale.RateAt(last)} and {scale.RateAt(last + 100)}");
        Assert.True(last < 900);
    }
}
