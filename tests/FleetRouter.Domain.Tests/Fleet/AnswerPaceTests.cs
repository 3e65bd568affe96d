using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Tests.Placement.Rivals;

namespace FleetRouter.Domain.Tests.Fleet;

public sealed class AnswerPaceTests
{
    [Fact]
    public void While_answers_are_fast_nothing_is_held_up()
    {
        var pace = new AnswerPace();
        TimeSpan now = TimeSpan.Zero;
        for (int i = 0; i < 1_000; i++)
        {
            pace.Saw(0.02, 0.1);
            now += TimeSpan.FromSeconds(0.1);
            pace.Spend(0.1, now);   // as much as an engine can compute
            Assert.True(pace.FreeAt <= now, $"held up until {pace.FreeAt} at {now}");
        }
    }

    [Fact]
    public void The_first_prompts_of_a_routers_life_may_come_at_once()
    {
        var pace = new AnswerPace();
        pace.Spend(1, TimeSpan.Zero);
        Assert.True(pace.FreeAt <= TimeSpan.Zero);
    }

    [Fact]
    public void Slow_answers_halve_the_pace_of_prompts_and_no_more()
    {
        var pace = new AnswerPace();
        for (int i = 0; i < 1_000; i++)
            pace.Saw(0.2, 0.1);
        pace.Spend(10, TimeSpan.FromSeconds(100));
        Assert.Equal(100 - 3 + 20, pace.FreeAt.TotalSeconds, 1e-6);
    }

    [Theory]
    [InlineData(0.1, 0.05)]
    [InlineData(1, 0.8)]
    public void The_share_of_time_that_prompts_take_is_of_the_last_seconds(double every, double seconds)
    {
        var pace = new AnswerPace();
        TimeSpan now = TimeSpan.Zero;
        for (; now < TimeSpan.FromSeconds(60); now += TimeSpan.FromSeconds(every))
            pace.Spend(seconds, now);
        Assert.Equal(seconds / every, pace.PrefillShare(now), 0.1 * seconds / every);
        Assert.Equal(seconds / every / 8, pace.PrefillShare(now + TimeSpan.FromSeconds(12)), 0.02);
    }

    [Fact]
    public void What_was_spent_before_an_instance_was_empty_delays_nobody_after()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test" }, "a");
        for (ulong n = 0; n < 50; n++)
        {
            PlacementRequest request = pool.Request(Prompts.Of((n, 200)));   // 1.6 s at the speed believed
            pool.Place(request);
            pool.Advance(0.05);
            pool.Progress(request.Id);
            pool.End(request.Id);
        }
        pool.Place(pool.Request());
        Assert.IsType<Dispatch>(pool.Arrive(pool.Request()));
    }

    [Fact]
    public void A_few_slow_stretches_are_in_balance_and_many_are_not()
    {
        Assert.True(After(slowOf100: 5) < After(slowOf100: 50));
        Assert.Equal(After(slowOf100: 0), After(slowOf100: 5), 0.5);

        static double After(int slowOf100)
        {
            var pace = new AnswerPace();
            for (int i = 0; i < 5_000; i++)
                pace.Saw(i % 100 < slowOf100 ? 0.2 : 0.05, 0.1);
            pace.Spend(10, TimeSpan.FromSeconds(100));
            return pace.FreeAt.TotalSeconds;
        }
    }
}
