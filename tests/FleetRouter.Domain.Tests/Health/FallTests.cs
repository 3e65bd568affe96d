using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Tests.Health;

/// <summary>Engines that go down and come back, beside hundreds of requests they serve well.</summary>
public sealed class FallTests
{
    private readonly PoolDriver _pool = PoolDriver.WithReady(new PoolOptions { Name = "test", Policy = "round-robin" }, "a", "b", "c", "d");

    private void Serve()
    {
        for (int n = 0; n < 400; n++)
            _pool.Serve(_pool.Request());
    }

    /// <summary>It breaks a request off, and the probe that follows fails too.</summary>
    private void Fall(string instance)
    {
        Dispatch sent = _pool.Place(_pool.Request());
        while (sent.Instance != instance)
        {
            _pool.End(sent.RequestId);
            sent = _pool.Place(_pool.Request());
        }
        _pool.Fail(sent.RequestId, AttemptFailure.Unreachable);
        _pool.End(sent.RequestId);
        _pool.Give(new ProbeFailed(_pool.Now, instance, "connection refused"));
    }

    private void Probe(string instance, double startedAt) =>
        _pool.Give(new InstanceProbed(_pool.Now, instance, PoolDriver.Report() with { StartedAtSeconds = startedAt }));

    private InstanceState State(string instance) => _pool.View(instance).State;

    [Theory]
    [InlineData(20, InstanceState.Suspect)]
    [InlineData(180, InstanceState.Suspect)]   // engines take minutes to start
    [InlineData(300, InstanceState.Ready)]     // the first is long ago
    public void One_that_falls_twice_in_a_short_time_is_ejected_however_much_it_served(double secondsBetween, InstanceState then)
    {
        Serve();
        Fall("a");
        _pool.Probe("a");
        Assert.Equal(InstanceState.Ready, State("a"));
        _pool.Advance(secondsBetween);
        Serve();
        Fall("a");
        _pool.Probe("a");
        Assert.Equal(then, State("a"));
        if (then == InstanceState.Suspect)
            Assert.StartsWith("ejected until it has answered its probes for 5 s on end: it stopped answering", _pool.View("a").Reason);
    }

    [Fact]
    public void It_is_kept_out_for_longer_each_time()
    {
        Fall("a");
        _pool.Probe("a");
        foreach (double seconds in new[] { 5, 10, 20, 40 })
        {
            Serve();
            Fall("a");
            _pool.Probe("a");
            _pool.Advance(seconds - 0.1);
            _pool.Probe("a");
            Assert.Equal(InstanceState.Suspect, State("a"));
            _pool.Advance(0.1);
            _pool.Probe("a");
            Assert.Equal(InstanceState.Ready, State("a"));
        }
    }

    [Fact]
    public void Probes_that_fail_while_it_is_down_are_one_fall()
    {
        Serve();
        Fall("a");
        for (int n = 0; n < 30; n++)
        {
            _pool.Advance(1);
            _pool.Give(new ProbeFailed(_pool.Now, "a", "connection refused"));
        }
        Probe("a", 2);
        Assert.Equal(InstanceState.Ready, State("a"));
    }

    [Fact]
    public void A_request_that_fails_while_the_probe_is_answered_is_no_fall()
    {
        for (int n = 0; n < 10; n++)
        {
            Serve();
            Dispatch sent = _pool.Place(_pool.Request());
            _pool.Fail(sent.RequestId, AttemptFailure.Broke);
            _pool.End(sent.RequestId);
            _pool.Probe(sent.Instance);
            Assert.Equal(InstanceState.Ready, State(sent.Instance));
        }
    }

    [Theory]
    [InlineData(20, InstanceState.Suspect)]
    [InlineData(300, InstanceState.Ready)]
    public void One_that_is_a_new_process_twice_was_down_though_nobody_saw_it(double secondsBetween, InstanceState then)
    {
        Probe("a", 1);
        Serve();
        Probe("a", 2);
        Assert.Equal(InstanceState.Ready, State("a"));
        _pool.Advance(secondsBetween);
        Serve();
        Probe("a", 3);
        Assert.Equal(then, State("a"));
    }

    [Fact]
    public void A_fall_that_was_seen_and_the_new_process_behind_it_are_one()
    {
        Probe("a", 1);
        Fall("a");
        _pool.Advance(1);
        Probe("a", 2);
        Assert.Equal(InstanceState.Ready, State("a"));
    }

    [Fact]
    public void A_new_process_meanwhile_starts_the_time_anew()
    {
        Probe("a", 1);
        Probe("a", 2);
        Probe("a", 3);
        for (int start = 4; start < 10; start++)
        {
            _pool.Advance(4);
            Probe("a", start);
            Assert.Equal(InstanceState.Suspect, State("a"));
        }
        Assert.Single(_pool.Effects.OfType<InstanceEjected>());
        _pool.Advance(5);
        Probe("a", 9);
        Assert.Equal(InstanceState.Ready, State("a"));
    }

    [Fact]
    public void An_address_that_two_processes_share_does_not_fall()
    {
        for (int n = 0; n < 20; n++)
        {
            Probe("a", 1 + n % 2);
            Assert.Equal(InstanceState.Ready, State("a"));
            _pool.Advance(1);
        }
    }

    [Fact]
    public void Where_all_fall_none_is_to_blame()
    {
        for (int round = 0; round < 4; round++)
        {
            Serve();
            foreach (string instance in new[] { "a", "b", "c", "d" })
                Fall(instance);
            foreach (string instance in new[] { "a", "b", "c", "d" })
                _pool.Probe(instance);
            Assert.All(new[] { "a", "b", "c", "d" }, instance => Assert.Equal(InstanceState.Ready, State(instance)));
            _pool.Advance(5);
        }
    }

    [Fact]
    public void One_that_is_drained_first_is_restarted_as_often_as_its_operator_likes()
    {
        Probe("a", 1);
        for (int start = 2; start < 8; start++)
        {
            _pool.Give(new DrainOrdered(_pool.Now, "a", true));
            for (int n = 0; n < 3; n++)
                _pool.Give(new ProbeFailed(_pool.Now, "a", "connection refused"));
            if (start % 2 == 0)
                Probe("a", start);   // or the probe comes after the order is taken back
            _pool.Give(new DrainOrdered(_pool.Now, "a", false));
            _pool.Give(new ProbeFailed(_pool.Now, "a", "connection refused"));
            Probe("a", start);
            Assert.Equal(InstanceState.Ready, State("a"));
            _pool.Advance(10);
        }
    }

    [Fact]
    public void The_last_of_a_model_is_not_kept_out_for_its_falls()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", Policy = "round-robin" }, "a");
        for (int round = 0; round < 5; round++)
        {
            pool.Give(new InstanceProbed(pool.Now, "a", PoolDriver.Report() with { StartedAtSeconds = round }));
            Assert.Equal(InstanceState.Ready, pool.View("a").State);
            pool.Fail(pool.Place(pool.Request()).RequestId, AttemptFailure.Broke);
            pool.Give(new ProbeFailed(pool.Now, "a", "connection refused"));
            pool.Probe("a");
            Assert.Equal(InstanceState.Ready, pool.View("a").State);
        }
    }
}
