using FleetRouter.Simulation.Claims;

namespace FleetRouter.Simulation.Tests.Claims;

public class ClaimFigureTests
{
    [Theory]
    [InlineData(Gain.More, 40, 80, 1.6, 60, 1, "+60.0 %")]
    [InlineData(Gain.More, 40, 80, 1.1, 10, 0.25, "+10.0 %")]
    [InlineData(Gain.More, 40, 80, 0.9, -10, -0.25, "-10.0 %")]
    [InlineData(Gain.More, 40, 80, 2.6, 160, 2, "+160.0 %")]
    [InlineData(Gain.Less, -20, -50, 2, -50, 1, "-50.0 %")]
    [InlineData(Gain.Less, -90, -90, 4, -75, 5.0 / 6, "-75.0 %")]
    [InlineData(Gain.Less, -50, -50, 0.8, 25, -0.5, "+25.0 %")]
    [InlineData(Gain.Times, 1.5, 14.5, 3, 3, 1, "3.0x")]
    [InlineData(Gain.Share, 60, 60, 0.9, 90, 1.5, "90.0 %")]
    public void A_factor_is_written_as_its_source_writes_gains(Gain gain, double least, double most, double factor, double best, double ratio, string text)
    {
        ClaimFigure figure = ClaimFigure.Of("x", gain, (least, most), [(1, factor), (2, factor / 2)]);
        Assert.Equal(best, figure.Best, 9);
        Assert.Equal(ratio, figure.RatioToPublished, 9);
        Assert.Equal(1, figure.BestRate);
        Assert.Equal(text, figure.Text(figure.Best));
        Assert.Equal(ratio is < 0.75 or > 4.0 / 3, figure.Differs);
    }

    [Fact]
    public void Only_a_difference_is_explained()
    {
        Assert.Equal("why", ClaimFigure.Of("x", Gain.More, (40, 80), [(1, 1.1)], "why").Why);
        Assert.Null(ClaimFigure.Of("x", Gain.More, (40, 80), [(1, 1.5)], "why").Why);
    }
}
