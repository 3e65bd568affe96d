namespace FleetRouter.Domain.Tests.Tenants;

public sealed class BudgetPromisesTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1_000)]
    public void Whatever_happens_no_window_is_overspent_by_a_single_token(int firstSeed)
    {
        int admitted = 0, exhausted = 0, away = 0, deaths = 0, repeats = 0, windows = 0, used = 0;
        for (int seed = firstSeed; seed < firstSeed + 1_000; seed++)
        {
            try
            {
                RandomTenantLife life = new RandomTenantLife((ulong)seed).Live(600);
                (admitted, exhausted, away) = (admitted + life.Admitted, exhausted + life.Exhausted, away + life.Away);
                (deaths, repeats, windows) = (deaths + life.Deaths, repeats + life.Repeats, windows + life.Windows);
                used += life.MostSpent > 0.9 ? 1 : 0;
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
        }
        string reached = $"seeds {firstSeed} to {firstSeed + 999}: {admitted} admitted, {exhausted} over the budget, {away} without their account, "
            + $"{deaths} deaths, {repeats} messages twice, {windows} windows; {used} lives spent nine tenths of a window's budget";
        TestContext.Current.TestOutputHelper?.WriteLine(reached);
        // The lives must reach what they are to test.
        Assert.True(admitted > 100_000 && exhausted > 10_000 && away > 1_000 && deaths > 1_000 && repeats > 10_000 && windows > 3_000 && used > 300, reached);
    }

    /// <summary>The books would tell: an account that answers before it is written forgets what it granted, unless a gateway that has it lives to tell.</summary>
    [Fact]
    public void An_account_that_is_written_too_late_is_overspent()
    {
        int overspent = 0;
        for (ulong seed = 0; seed < 400; seed++)
        {
            try
            {
                new RandomTenantLife(seed, writesTooLate: true).Live(600);
            }
            catch (Xunit.Sdk.XunitException)
            {
                overspent++;
            }
        }
        Assert.True(overspent > 5, $"{overspent} of 400 lives were seen to overspend");
    }
}
