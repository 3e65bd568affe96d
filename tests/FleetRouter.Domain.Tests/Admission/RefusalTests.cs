using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Admission;

public sealed class RefusalTests
{
    [Fact]
    public void A_pool_without_a_ready_instance_is_broken_not_busy()
    {
        var pool = new PoolDriver();
        pool.Give(new InstanceJoined(pool.Now, "a"));
        Refuse refused = Assert.IsType<Refuse>(pool.Arrive(pool.Request()));
        Assert.Equal((RefusalKind.Broken, "no-instance"), (refused.Refusal.Kind, refused.Refusal.Reason));
        Assert.Contains("no instance of pool test that serves llama", refused.Refusal.Message);
        Assert.NotNull(refused.Refusal.RetryAfter);
        Assert.Equal(PlacementRule.Refused, refused.Decision.Rule);
        Assert.Equal(refused.Refusal, refused.Decision.Refusal);
    }

    [Fact]
    public void A_request_goes_elsewhere_until_its_attempts_are_spent()
    {
        PoolDriver pool = PoolDriver.WithReady(null, "a", "b", "c", "d");
        PlacementRequest request = pool.Request();
        var tried = new List<string> { pool.Place(request).Instance };
        for (int attempt = 2; attempt <= 3; attempt++)
        {
            Dispatch again = pool.Fail(request.Id, AttemptFailure.Unreachable).OfType<Dispatch>().Single();
            Assert.Equal(attempt, again.Decision.Attempt);
            tried.Add(again.Instance);
        }
        Assert.Equal(3, tried.Distinct().Count());
        Refuse refused = pool.Fail(request.Id, AttemptFailure.Unreachable, "no route to host").OfType<Refuse>().Single();
        Assert.Equal((RefusalKind.Broken, "attempts-exhausted"), (refused.Refusal.Kind, refused.Refusal.Reason));
        Assert.EndsWith("no route to host", refused.Refusal.Message);
    }

    [Fact]
    public void Engines_that_shed_load_make_the_pool_busy_not_broken()
    {
        PoolDriver pool = PoolDriver.WithReady(null, "a", "b", "c");
        PlacementRequest request = pool.Request();
        pool.Place(request);
        Assert.Contains(pool.Fail(request.Id, AttemptFailure.EngineBusy), e => e is Dispatch);
        Assert.Contains(pool.Fail(request.Id, AttemptFailure.EngineBusy), e => e is Dispatch);
        Refuse refused = pool.Fail(request.Id, AttemptFailure.EngineBusy).OfType<Refuse>().Single();
        Assert.Equal((RefusalKind.Busy, "engines-busy"), (refused.Refusal.Kind, refused.Refusal.Reason));
        Assert.All(pool.Pool.Describe().Instances, i => Assert.Equal(InstanceState.Ready, i.State));
    }

    [Fact]
    public void A_busy_answer_says_when_to_ask_again_between_one_second_and_a_minute()
    {
        foreach (double secondsBetweenEnds in new[] { 0.001, 0.5, 1, 10, 4_000 })
            foreach (int held in new[] { 0, 1, 50, 1_000 })
            {
                PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", MaxRequestsPerInstance = 1, MaxHeld = held }, "a");
                for (int i = 0; i < 30; i++)
                {
                    pool.Serve(pool.Request());
                    pool.Advance(secondsBetweenEnds);
                }
                pool.Place(pool.Request());
                for (int i = 0; i < held; i++)
                    pool.Arrive(pool.Request());
                TimeSpan? after = Assert.IsType<Refuse>(pool.Arrive(pool.Request())).Refusal.RetryAfter;
                Assert.InRange(after!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(59));
                Assert.Equal(0, after.Value.Ticks % TimeSpan.TicksPerSecond);
            }
    }

    [Fact]
    public void The_longer_the_queue_the_later_to_ask_again()
    {
        TimeSpan short_ = Ask(held: 1), long_ = Ask(held: 20);
        Assert.True(short_ < long_, $"{short_} < {long_}");
    }

    [Fact]
    public void The_longer_it_refuses_the_later_to_ask_again_up_to_59_seconds()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", MaxRequestsPerInstance = 1, MaxHeld = 0 }, "a");
        pool.Place(pool.Request());
        var told = new List<double>();
        for (int i = 0; i < 100; i++, pool.Advance(1))
            told.Add(Told(pool));
        Assert.Equal(1, told[0]);
        Assert.Equal(30, told[30]);
        Assert.Equal(59, told[60]);
        Assert.Equal(59, told[99]);
    }

    [Fact]
    public void Once_nobody_was_refused_for_as_long_as_the_last_was_told_it_begins_anew()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", MaxRequestsPerInstance = 1, MaxHeld = 0 }, "a");
        pool.Place(pool.Request());
        for (int i = 0; i < 20; i++, pool.Advance(1))
            Told(pool);
        pool.Advance(18);
        Assert.Equal(38, Told(pool));
        pool.Advance(39);
        Assert.Equal(1, Told(pool));
    }

    [Fact]
    public void One_idle_night_does_not_send_the_next_mornings_clients_away_for_a_minute()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", MaxRequestsPerInstance = 1, MaxHeld = 0 }, "a");
        for (int i = 0; i < 100; i++, pool.Advance(1))
            pool.Serve(pool.Request());
        pool.Advance(8 * 3_600);
        pool.Serve(pool.Request());
        pool.Place(pool.Request());
        TimeSpan? after = Assert.IsType<Refuse>(pool.Arrive(pool.Request())).Refusal.RetryAfter;
        Assert.InRange(after!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5));
    }

    private static TimeSpan Ask(int held)
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", MaxRequestsPerInstance = 1, MaxHeld = held }, "a");
        pool.Place(pool.Request());
        for (int i = 0; i < held; i++)
            pool.Arrive(pool.Request());
        return TimeSpan.FromSeconds(Told(pool));
    }

    private static double Told(PoolDriver pool) => Assert.IsType<Refuse>(pool.Arrive(pool.Request())).Refusal.RetryAfter!.Value.TotalSeconds;
}
