using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Health;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Fleet;

/// <summary>A pool that serves several gateways, and what each of them does alone.</summary>
public sealed class SharedPoolTests
{
    private static PlacementRequest Request(string id, string gateway = "g", string? session = null) => new()
    {
        Id = id, Gateway = gateway, Model = PoolDriver.Model, Api = ApiKind.Chat, Prompt = Prompt(7), SessionId = session, MaxOutputTokens = 100,
    };

    private static PromptChain Prompt(ulong content) => Prompts.Of((content, 20));

    private static RequestAdopted Adopted(PoolDriver pool, PlacementRequest request, string instance, int output = 0) =>
        new(pool.Now, request, instance, 1, 0, output, TimeSpan.Zero);

    private static int Leases(PoolDriver pool, string instance) => pool.Pool.Describe() is var view ? view.Instances.Concat(view.Leaving).Single(i => i.Id == instance).Leases : 0;

    [Fact]
    public void A_request_placed_elsewhere_is_counted_where_it_is()
    {
        PoolDriver pool = PoolDriver.WithReady(null, "a", "b");
        pool.Give(Adopted(pool, Request("r"), "b", output: 5));
        Assert.Equal((0, 1), (Leases(pool, "a"), Leases(pool, "b")));
        Assert.Equal(0, pool.Pool.Describe().Instances[1].PendingPrefillTokens);
        pool.Give(new RequestEnded(pool.Now, "r", RequestEnd.Completed));
        Assert.Equal(0, Leases(pool, "b"));
    }

    [Fact]
    public void What_the_pool_believed_gives_way_unless_it_is_only_to_be_told_what_it_does_not_know()
    {
        PoolDriver pool = PoolDriver.WithReady(null, "a", "b");
        string at = ((Dispatch)pool.Arrive(Request("r"))).Instance, other = at == "a" ? "b" : "a";
        pool.Give(Adopted(pool, Request("r"), other) with { IfUnknown = true });
        Assert.Equal((1, 0), (Leases(pool, at), Leases(pool, other)));
        pool.Give(Adopted(pool, Request("r"), other));
        Assert.Equal((0, 1), (Leases(pool, at), Leases(pool, other)));
    }

    [Fact]
    public void One_that_was_held_is_held_no_longer()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "p", Policy = "dual-hash", MaxRequestsPerInstance = 1 }, "a");
        pool.Arrive(Request("first"));
        Assert.IsType<Held>(pool.Arrive(Request("held")));
        pool.Give(Adopted(pool, Request("held"), "a"));
        Assert.Equal((0, 2), (pool.Pool.Describe().Held, Leases(pool, "a")));
    }

    [Fact]
    public void An_instance_that_discovery_does_not_name_has_what_it_has_until_it_ends()
    {
        PoolDriver pool = PoolDriver.WithReady(null, "a");
        pool.Give(Adopted(pool, Request("r"), "gone"));
        Assert.Equal(1, Leases(pool, "gone"));
        Assert.Contains(pool.Give(new RequestEnded(pool.Now, "r", RequestEnd.Completed)), e => e is InstanceEmptied { Instance: "gone", State: InstanceState.Gone });
        Assert.Empty(pool.Pool.Describe().Leaving);
    }

    [Fact]
    public void What_a_gateway_no_longer_has_is_over_and_makes_room()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "p", Policy = "dual-hash", MaxRequestsPerInstance = 2 }, "a");
        pool.Arrive(Request("kept", "one"));
        pool.Arrive(Request("lost", "one"));
        Assert.IsType<Held>(pool.Arrive(Request("waits", "two")));
        Assert.Contains(pool.Give(new GatewayHas(pool.Now, "one", ["kept"])), e => e is Dispatch { RequestId: "waits" });
        Assert.Equal(["lost", "never"], pool.Pool.Unknown(["kept", "lost", "waits", "never"]));
        pool.Give(new GatewayHas(pool.Now, "one", []));
        Assert.Equal(1, Leases(pool, "a"));
    }

    [Fact]
    public void What_is_remembered_is_cached_and_at_home()
    {
        PoolDriver pool = PoolDriver.WithReady(null, "a", "b", "c", "d");
        foreach (string instance in new[] { "a", "b", "c", "d" })
        {
            PlacementRequest turn = Request($"before-{instance}", session: $"s-{instance}") with { Prompt = Prompt(instance[0]) };
            pool.Give(new PlacementRemembered(pool.Now, turn, instance));
            Assert.Equal(instance, ((Dispatch)pool.Arrive(turn with { Id = $"now-{instance}" })).Instance);
        }
        Assert.Equal(4, pool.Pool.Describe().Sessions);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_gateways_say_the_load_is_theirs_together(ulong seed)
    {
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var random = new SplitMix64(seed);
        string[] engines = ["a", "b", "c"], gateways = ["g0", "g1", "g2"];
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "p", MaxRequestsPerInstance = 8, MaxHeld = 20 }, engines);
        var has = gateways.ToDictionary(g => g, _ => new SortedDictionary<string, string?>(StringComparer.Ordinal));   // request → instance; null while it waits
        for (int i = 0; i < 3_000; i++)
        {
            string gateway = random.Pick(gateways);
            SortedDictionary<string, string?> mine = has[gateway];
            string? any = mine.Count == 0 ? null : mine.Keys.ElementAt(random.Below(mine.Count));
            IReadOnlyList<PoolEffect> effects = random.Below(10) switch
            {
                < 4 => Arrive($"r{i}"),
                4 when any is not null => Place(any, random.Pick(engines)),
                5 => Place($"r{i}", random.Pick(engines)),
                6 when random.Below(10) == 0 => Lose(random.Below(2) == 0),
                _ when any is not null => End(any),
                _ => pool.Advance(0.1),
            };
            Take(effects);
            Take(pool.Advance(random.Below(20) / 1_000.0));
            PoolView view = pool.Pool.Describe();
            foreach (string engine in engines)
                Assert.Equal(has.Values.Sum(h => h.Values.Count(at => at == engine)), view.Instances.Single(v => v.Id == engine).Leases);
            Assert.Equal(has.Values.Sum(h => h.Values.Count(at => at is null)), view.Held);

            IReadOnlyList<PoolEffect> Arrive(string id)
            {
                mine.Add(id, null);
                return pool.Give(new RequestArrived(pool.Now, Request(id, gateway) with { Prompt = Prompt(random.Next()) }));
            }

            IReadOnlyList<PoolEffect> Place(string id, string engine)
            {
                mine[id] = engine;
                return pool.Give(Adopted(pool, Request(id, gateway), engine, random.Below(3)));
            }

            IReadOnlyList<PoolEffect> End(string id)
            {
                mine.Remove(id);
                return pool.Give(new RequestEnded(pool.Now, id, RequestEnd.Completed));
            }

            IReadOnlyList<PoolEffect> Lose(bool all)
            {
                foreach (string id in mine.Keys.Where((_, n) => all || n % 2 == 0).ToList())
                    mine.Remove(id);
                return pool.Give(new GatewayHas(pool.Now, gateway, [.. mine.Keys]));
            }
        }

        void Take(IReadOnlyList<PoolEffect> effects)
        {
            foreach (PoolEffect effect in effects)
                foreach (SortedDictionary<string, string?> theirs in has.Values)
                    if (effect is Dispatch d && theirs.ContainsKey(d.RequestId))
                        theirs[d.RequestId] = d.Instance;
                    else if (effect is Refuse r)
                        theirs.Remove(r.RequestId);
        }
    }

    private static PoolSnapshot Snapshot(params (string Id, int Requests)[] instances) => new(
        new ServedModels([new ServedModel(PoolDriver.Model, instances.Length)], false),
        [.. instances.Select(i => new InstanceSnapshot(i.Id, [PoolDriver.Model], i.Requests, 0, 8_000, new Patience(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(2))))], 4);

    private static FallbackPool Fallback(PoolSnapshot snapshot) => new(new PoolOptions { Name = "p", MaxAttempts = 2 }) { Snapshot = snapshot };

    [Fact]
    public void Gateways_alone_send_a_prefix_to_the_same_instance()
    {
        PoolSnapshot told = Snapshot(("a", 0), ("b", 0), ("c", 0), ("d", 0), ("e", 0), ("f", 0));
        for (int i = 0; i < 50; i++)
        {
            PlacementRequest request = Request($"r{i}") with { Prompt = Prompt((ulong)i) };
            Assert.Equal(At(Fallback(told).Place(TimeSpan.Zero, request, 1, 0, [])), At(Fallback(told).Place(TimeSpan.Zero, request, 1, 0, [])));
        }
        static string At(PoolEffect placed) => Assert.IsType<Dispatch>(placed).Instance;
    }

    [Fact]
    public void A_gateway_alone_counts_what_it_placed_and_keeps_off_what_is_loaded()
    {
        FallbackPool alone = Fallback(Snapshot(("a", 0), ("b", 0)));
        string[] at = [.. Enumerable.Range(0, 10).Select(i => ((Dispatch)alone.Place(TimeSpan.Zero, Request($"r{i}") with { Prompt = Prompt((ulong)i) }, 1, 0, [])).Instance)];
        Assert.Equal(5, at.Count(i => i == "a"));
        alone.Forget(TimeSpan.Zero, "r0");
        Assert.Equal(9, alone.Placed);
        alone.Snapshot = Snapshot(("a", 100), ("b", 0));
        Assert.Equal("b", ((Dispatch)alone.Place(TimeSpan.Zero, Request("new") with { Prompt = Prompt(99) }, 1, 0, [])).Instance);
    }

    [Fact]
    public void A_gateway_alone_tries_each_instance_once_and_says_when_none_is_left()
    {
        FallbackPool alone = Fallback(Snapshot(("a", 0), ("b", 0)));
        string first = ((Dispatch)alone.Place(TimeSpan.Zero, Request("r"), 1, 0, [])).Instance;
        string second = ((Dispatch)alone.Place(TimeSpan.Zero, Request("r"), 2, 0, [first])).Instance;
        Assert.NotEqual(first, second);
        Assert.Equal("attempts-exhausted", ((Refuse)alone.Place(TimeSpan.Zero, Request("r"), 3, 0, [first, second])).Refusal.Reason);
        Assert.Equal("no-instance", ((Refuse)Fallback(Snapshot()).Place(TimeSpan.Zero, Request("r"), 1, 0, [])).Refusal.Reason);
    }

    [Fact]
    public void A_gateway_alone_sends_to_full_instances_rather_than_nowhere()
    {
        FallbackPool alone = Fallback(Snapshot(("a", 5_000), ("b", 4_000)));
        Assert.Equal("b", ((Dispatch)alone.Place(TimeSpan.Zero, Request("r"), 1, 0, [])).Instance);
    }

    [Fact]
    public void A_pool_tells_gateways_what_takes_work()
    {
        PoolDriver pool = PoolDriver.WithReady(null, "a", "b");
        pool.Arrive(Request("r"));
        pool.Give(new DrainOrdered(pool.Now, "b", true));
        PoolSnapshot told = pool.Pool.Snapshot();
        InstanceSnapshot a = Assert.Single(told.Instances);
        Assert.Equal(("a", new ServedModel(PoolDriver.Model, 1)), (a.Id, told.Served.Models.Single()));
        Assert.True(a.Patience.FirstToken > TimeSpan.Zero && a.Patience.NextToken > TimeSpan.Zero && a.PrefillTokensPerSecond > 0);
    }
}
