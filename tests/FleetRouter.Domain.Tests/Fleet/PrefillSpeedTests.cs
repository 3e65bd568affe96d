using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Tests.Fleet;

public sealed class PrefillSpeedTests
{
    [Fact]
    public void Who_has_computed_nothing_yet_is_taken_to_be_as_fast_as_the_others()
    {
        var pool = new PrefillSpeed(8_000);
        PrefillSpeed worked = new(pool), idle = new(pool);
        Assert.Equal(8_000, idle.Rate);
        for (int i = 0; i < 200; i++)
            worked.Saw(30_000, 1);
        Assert.Equal(30_000, idle.Rate, 500d);
    }

    [Fact]
    public void Who_has_computed_is_taken_for_what_it_showed()
    {
        var pool = new PrefillSpeed(8_000);
        PrefillSpeed fast = new(pool), slow = new(pool);
        for (int i = 0; i < 200; i++)
        {
            fast.Saw(30_000, 1);
            slow.Saw(5_000, 1);
        }
        Assert.Equal(30_000, fast.Rate, 500d);
        Assert.Equal(5_000, slow.Rate, 500d);
        Assert.InRange(new PrefillSpeed(pool).Rate, 15_000, 20_000);
    }

    [Fact]
    public void What_the_operator_says_counts_until_something_is_seen()
    {
        var pool = new PrefillSpeed(8_000);
        var instance = new PrefillSpeed(pool);
        pool.Prior = 12_000;
        Assert.Equal(12_000, instance.Rate);
    }

    [Fact]
    public void Several_prompts_that_end_in_one_step_are_one_measurement()
    {
        var speed = new PrefillSpeed(new PrefillSpeed(8_000));
        for (int i = 0; i < 100; i++)
        {
            speed.Saw(10_000, 1);
            speed.Saw(10_000, 0);
        }
        Assert.Equal(20_000, speed.Rate, 500d);
    }

    [Fact]
    public void A_first_token_that_waited_for_something_else_tells_little_of_the_speed()
    {
        var speed = new PrefillSpeed(new PrefillSpeed(8_000));
        for (int i = 0; i < 5; i++)
            speed.Saw(8_000, 1);
        speed.Saw(8_000, 60);   // room in the cache came late
        Assert.InRange(speed.Rate, 5_500, 8_000);
    }

    [Fact]
    public void Who_is_much_slower_than_believed_is_known_after_a_few()
    {
        var speed = new PrefillSpeed(new PrefillSpeed(8_000));
        for (int i = 0; i < 8; i++)
            speed.Saw(8_000, 10);
        Assert.InRange(speed.Rate, 800, 1_600);
    }

    [Fact]
    public void Who_showed_little_while_nothing_was_known_of_anybody_follows_what_the_others_show()
    {
        var pool = new PrefillSpeed(8_000);
        PrefillSpeed early = new(pool), worked = new(pool);
        early.Saw(300, 0.04);
        for (int i = 0; i < 200; i++)
            worked.Saw(30_000, 1);
        Assert.InRange(early.Rate, 25_000, 30_500);
    }
}
