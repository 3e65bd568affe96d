using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Health;

public sealed class EjectionTests
{
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(1);

    private static PoolDriver Pool(params string[] instances) =>
        PoolDriver.WithReady(new PoolOptions { Name = "test", Policy = "round-robin" }, instances);

    /// <summary>Dispatches until one goes to <paramref name="instance"/>; the others are served at once.</summary>
    private static Dispatch PlaceOn(PoolDriver pool, string instance)
    {
        for (int tries = 0; tries < 50; tries++)
        {
            Dispatch sent = pool.Place(pool.Request());
            if (sent.Instance == instance)
                return sent;
            pool.End(sent.RequestId);
        }
        throw new InvalidOperationException($"nothing goes to {instance}");
    }

    private static void Break(PoolDriver pool, string instance)
    {
        string request = PlaceOn(pool, instance).RequestId;
        pool.Fail(request, AttemptFailure.Unreachable);
        pool.End(request);
    }

    /// <summary>Probes every second, all with success, until the instance takes work again; how long that took.</summary>
    private static TimeSpan UntilReady(PoolDriver pool, string instance)
    {
        TimeSpan from = pool.Now;
        for (pool.Probe(instance); pool.View(instance).State != InstanceState.Ready; pool.Probe(instance))
            pool.Advance(ProbeInterval);
        return pool.Now - from;
    }

    [Fact]
    public void An_instance_that_dies_gets_nothing_after_the_first_failed_attempt()
    {
        PoolDriver pool = Pool("a", "b", "c");
        Break(pool, "a");
        Assert.All(Enumerable.Range(0, 50), _ => Assert.NotEqual("a", pool.Place(pool.Request()).Instance));
        pool.Probe("a");
        Assert.Contains(Enumerable.Range(0, 6), _ => pool.Place(pool.Request()).Instance == "a");
    }

    [Fact]
    public void A_first_failure_is_forgiven_at_the_first_good_probe()
    {
        PoolDriver pool = Pool("a", "b");
        Break(pool, "a");
        Assert.Equal(InstanceState.Suspect, pool.View("a").State);
        Assert.Equal(TimeSpan.Zero, UntilReady(pool, "a"));
        Assert.DoesNotContain(pool.Effects, e => e is InstanceEjected);
    }

    [Fact]
    public void One_that_flaps_is_readmitted_later_and_later()
    {
        PoolDriver pool = Pool("a", "b", "c", "d");
        var delays = new List<double>();
        for (int round = 0; round < 10; round++)
        {
            Break(pool, "a");
            delays.Add(UntilReady(pool, "a").TotalSeconds);
            pool.Advance(2);
        }
        Assert.Equal([0, 5, 10, 20, 40, 80, 160, 300, 300, 300], delays);
        Assert.Equal([5, 10, 20, 40, 80, 160, 300, 300, 300], pool.Effects.OfType<InstanceEjected>().Select(e => e.For.TotalSeconds));
        Assert.All(pool.Effects.OfType<InstanceEjected>(), e => Assert.Contains("of its last attempts failed, of its peers' 0", e.Reason));
        Break(pool, "a");
        Assert.StartsWith("ejected until it has answered its probes for 300 s on end: 100", pool.View("a").Reason);
    }

    [Fact]
    public void One_whose_probes_fail_again_and_again_flaps_too()
    {
        PoolDriver pool = Pool("a", "b");
        Flap();
        Assert.Equal(TimeSpan.Zero, UntilReady(pool, "a"));
        pool.Advance(5);
        Flap();
        Assert.Equal(TimeSpan.FromSeconds(5), UntilReady(pool, "a"));

        void Flap()
        {
            for (int i = 0; i < 3; i++)
                pool.Give(new ProbeFailed(pool.Now, "a", "connection refused"));
        }
    }

    [Fact]
    public void A_probe_missed_meanwhile_starts_the_time_anew()
    {
        PoolDriver pool = Pool("a", "b");
        Break(pool, "a");
        pool.Probe("a");
        Break(pool, "a");
        pool.Probe("a");
        pool.Advance(4);
        pool.Give(new ProbeFailed(pool.Now, "a", "timeout"));
        pool.Advance(0.9);
        Assert.Equal(TimeSpan.FromSeconds(5), UntilReady(pool, "a"));
    }

    [Fact]
    public void Good_conduct_makes_old_ejections_forgotten()
    {
        PoolDriver pool = Pool("a", "b");
        for (int round = 0; round < 4; round++)
        {
            Break(pool, "a");
            UntilReady(pool, "a");
        }
        pool.Advance(TimeSpan.FromMinutes(10));
        Break(pool, "a");
        Assert.Equal(TimeSpan.Zero, UntilReady(pool, "a"));
        Break(pool, "a");
        Assert.Equal(TimeSpan.FromSeconds(5), UntilReady(pool, "a"));
    }

    [Fact]
    public void A_busy_instance_of_which_one_attempt_in_fifty_fails_is_never_ejected()
    {
        PoolDriver pool = Pool("a", "b");
        for (int n = 0; n < 1_000; n++)
        {
            pool.Advance(0.1);
            string request = PlaceOn(pool, "a").RequestId;
            if (n % 50 == 7)
                pool.Fail(request, AttemptFailure.Unreachable);
            pool.End(request);
            pool.Probe("a");
        }
        Assert.DoesNotContain(pool.Effects, e => e is InstanceEjected);
    }

    [Fact]
    public void Where_all_fail_alike_none_is_to_blame()
    {
        PoolDriver pool = Pool("a", "b", "c", "d");
        for (int round = 0; round < 10; round++)
            foreach (string instance in new[] { "a", "b", "c", "d" })
            {
                Break(pool, instance);
                Assert.Equal(TimeSpan.Zero, UntilReady(pool, instance));
                pool.Advance(0.5);
            }
    }

    [Fact]
    public void An_engine_that_dies_with_many_requests_on_it_has_failed_once()
    {
        PoolDriver pool = Pool("a", "b");
        string[] there = [.. Enumerable.Range(0, 40).Select(_ => pool.Place(pool.Request())).Where(d => d.Instance == "a").Select(d => d.RequestId)];
        pool.Advance(1);
        foreach (string request in there[..10])
            pool.Fail(request, AttemptFailure.Unreachable);
        pool.Probe("a");   // well, though what it was sent before is still to fail
        foreach (string request in there[10..])
        {
            pool.Advance(0.1);
            pool.Fail(request, AttemptFailure.Unreachable);
            pool.Probe("a");
        }
        Assert.DoesNotContain(pool.Effects, e => e is InstanceEjected);
        Assert.Equal(InstanceState.Ready, pool.View("a").State);
    }

    [Fact]
    public void Readmitted_it_gets_few_requests_and_twice_as_many_with_each_first_token()
    {
        PoolDriver pool = Pool("a", "b");
        Break(pool, "a");
        UntilReady(pool, "a");
        Break(pool, "a");
        UntilReady(pool, "a");
        int fromHere = pool.Effects.Count;
        Assert.Equal(2, Fill());
        pool.Progress(OnIt(0));
        Assert.Equal(4, Fill());
        for (int n = 1; n < 7; n++)
        {
            pool.Progress(OnIt(n));
            Fill();
        }
        Assert.Equal(100, Fill());   // as many as come

        string OnIt(int n) => pool.Effects[fromHere..].OfType<Dispatch>().Where(d => d.Instance == "a").ElementAt(n).RequestId;

        int Fill()
        {
            for (int n = 0; n < 200 && pool.View("a").Leases < 100; n++)
                if (pool.Place(pool.Request()) is { Instance: "b" } elsewhere)
                    pool.End(elsewhere.RequestId);
            return pool.View("a").Leases;
        }
    }

    [Fact]
    public void One_that_is_readmitted_because_it_is_needed_bears_its_part_at_once()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", Policy = "round-robin", MaxEjectedShare = 0 }, "a", "b");
        for (int round = 0; round < 2; round++)
        {
            Break(pool, "a");
            pool.Probe("a");
        }
        Assert.Contains(pool.Effects, e => e is InstanceEjected);
        for (int n = 0; n < 20; n++)
            pool.Place(pool.Request());
        Assert.Equal((10, 10), (pool.View("a").Leases, pool.View("b").Leases));
    }

    [Fact]
    public void The_last_of_a_model_is_not_kept_out_and_one_that_is_comes_back_when_the_others_die()
    {
        PoolDriver pool = Pool("a", "b");
        for (int round = 0; round < 2; round++)
        {
            Break(pool, "a");
            pool.Probe("a");
        }
        Assert.Equal(InstanceState.Suspect, pool.View("a").State);
        string last = pool.Place(pool.Request()).RequestId;
        IReadOnlyList<PoolEffect> effects = pool.Fail(last, AttemptFailure.Unreachable);
        Assert.Equal((InstanceState.Ready, InstanceState.Suspect), (pool.View("a").State, pool.View("b").State));
        Assert.Equal("a", effects.OfType<Dispatch>().Single().Instance);
        Assert.Contains("too few others are left", pool.View("a").Reason);
    }

    [Fact]
    public void Whatever_fails_at_most_half_is_kept_out_and_never_the_last_of_a_model()
    {
        int most = 0;
        for (ulong seed = 1; seed <= 200; seed++)
        {
            var random = new SplitMix64(seed);
            string[] names = [.. Enumerable.Range(0, 1 + random.Below(9)).Select(n => $"i{n}")];
            PoolDriver pool = Pool(names);
            int bad = random.Below(names.Length + 1);
            for (int step = 0; step < 300; step++)
            {
                pool.Advance(random.Below(2_000) / 1_000.0);
                if (pool.Arrive(pool.Request()) is Dispatch sent)
                {
                    if (Array.IndexOf(names, sent.Instance) < bad && random.Chance(0.7) || random.Chance(0.02))
                        pool.Fail(sent.RequestId, random.Chance(0.8) ? AttemptFailure.Unreachable : AttemptFailure.Broke);
                    pool.End(sent.RequestId);
                }
                foreach (string name in names)
                    pool.Probe(name);
                int ready = names.Count(n => pool.View(n).State == InstanceState.Ready), kept = names.Length - ready;
                Assert.True(kept <= names.Length / 2 && ready > 0, $"seed {seed}, step {step}: {kept} of {names.Length} answer their probes and have no work");
                most = Math.Max(most, kept);
            }
        }
        Assert.Equal(4, most);   // the runs must reach what they are to test
    }

    [Fact]
    public void Zero_share_keeps_nobody_out()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", Policy = "round-robin", MaxEjectedShare = 0 }, "a", "b", "c");
        for (int round = 0; round < 5; round++)
        {
            Break(pool, "a");
            Assert.Equal(TimeSpan.Zero, UntilReady(pool, "a"));
        }
    }

    [Theory]
    [InlineData(50, 450, true)]     // crawls
    [InlineData(50, 390, false)]    // slow, and yet within four times the promise
    [InlineData(200, 700, false)]   // slow, and so are the others
    public void One_whose_answers_crawl_beside_its_peers_is_kept_out_and_keeps_what_it_has(int peersPace, int pace, bool isOut)
    {
        PoolDriver pool = Pool("a", "b", "c");
        Dispatch[] sent = [.. Enumerable.Range(0, 30).Select(_ => pool.Place(pool.Request()))];
        TimeSpan from = pool.Now;
        for (int step = 0; step < 200; step++)
        {
            pool.Advance(0.1);
            foreach (Dispatch dispatch in sent)
                if (Tokens(dispatch, pool.Now) is var tokens && tokens > Tokens(dispatch, pool.Now - TimeSpan.FromSeconds(0.1)))
                    pool.Progress(dispatch.RequestId, tokens);
        }
        int leases = pool.View("a").Leases;
        pool.Probe("a");
        Assert.Equal(isOut ? InstanceState.Suspect : InstanceState.Ready, pool.View("a").State);
        Assert.Equal(leases, pool.View("a").Leases);
        if (isOut)
            Assert.Contains("ms between its tokens", pool.View("a").Reason);

        int Tokens(Dispatch dispatch, TimeSpan at) => (int)((at - from).TotalMilliseconds / (dispatch.Instance == "a" ? pace : peersPace));
    }

    [Fact]
    public void Who_waits_for_a_probe_has_an_answer_within_a_second_though_answers_go_on_breaking_and_the_probe_hangs()
    {
        PoolDriver pool = Pool("a");
        string[] there = [.. Enumerable.Range(0, 20).Select(_ => pool.Place(pool.Request()).RequestId)];
        pool.End(there[0], RequestEnd.EngineBroke);
        PlacementRequest late = pool.Request();
        Assert.IsType<Held>(pool.Arrive(late));
        foreach (string request in there[1..])
        {
            pool.Advance(0.05);
            pool.End(request, RequestEnd.EngineBroke);
        }
        Assert.Contains(pool.Effects, e => e is Refuse { Refusal.Reason: "no-instance" } refused && refused.RequestId == late.Id);
    }

    [Fact]
    public void Who_waits_for_a_probe_is_refused_though_half_an_answer_waits_on_before_it()
    {
        PoolDriver pool = Pool("a", "b");
        Dispatch first = pool.Place(pool.Request()), second = pool.Place(pool.Request());
        foreach (Dispatch sent in new[] { first, second })
            pool.Give(new AttemptFailed(pool.Now, sent.RequestId, AttemptFailure.Broke, "connection reset", 10));
        PlacementRequest late = pool.Request();
        Assert.IsType<Held>(pool.Arrive(late));
        pool.Advance(1);
        Assert.Contains(pool.Effects, e => e is Refuse { Refusal.Reason: "no-instance" } refused && refused.RequestId == late.Id);
        pool.Probe("b");
        Assert.Contains(pool.Effects, e => e is Dispatch { Instance: "b" } again && again.RequestId == first.RequestId && again.Decision.EmittedTokens == 10);
    }

    [Fact]
    public void With_all_instances_out_of_reach_new_requests_are_refused_at_once_and_served_again_when_one_is_back()
    {
        PoolDriver pool = Pool("a", "b");
        foreach (string instance in new[] { "a", "b" })
            for (int i = 0; i < 3; i++)
                pool.Give(new ProbeFailed(pool.Now, instance, "connection refused"));
        var refused = Assert.IsType<Refuse>(pool.Arrive(pool.Request()));
        Assert.Equal((FleetRouter.Domain.Admission.RefusalKind.Broken, "no-instance"), (refused.Refusal.Kind, refused.Refusal.Reason));
        pool.Probe("b");
        Assert.Equal("b", pool.Place(pool.Request()).Instance);
    }
}
