using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;
using FleetRouter.Domain.Tests;
using FleetRouter.Hosting.Journal;

namespace FleetRouter.Gateway.Tests.Journal;

public sealed class GatewayBooksTests
{
    private static readonly string[] Engines = ["a", "b", "c"], Gateways = ["g0", "g1", "g2"];

    private readonly PoolDriver _pool = PoolDriver.WithReady(new PoolOptions { Name = "p", MaxRequestsPerInstance = 3, MaxHeld = 20 }, Engines);
    private readonly GatewayBooks _books = new();

    private static PlacementRequest Request(string id, string gateway, ulong content = 7) =>
        new() { Id = id, Gateway = gateway, Model = PoolDriver.Model, Api = ApiKind.Chat, Prompt = new PromptChain([content, ~content], 2 * PromptChain.BlockBytes, content), MaxOutputTokens = 100 };

    /// <summary>Has the pool handle an event, and enters it with what was decided.</summary>
    private void Give(PoolEvent happened) => _books.Enter(happened, _pool.Give(happened));

    private string? Difference => _books.Difference(_pool.Pool.Load());

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_several_gateways_tell_the_load_is_the_sum_over_their_books(ulong seed)
    {
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var random = new SplitMix64(seed);
        var sent = new List<(string Id, string Gateway)>();
        int mostHeld = 0;
        for (int i = 0; i < 3_000; i++)
        {
            _books.Enter(new AlarmRang(_pool.Now), _pool.Advance(random.Below(10) / 1_000.0));
            string gateway = random.Pick(Gateways), engine = random.Pick(Engines);
            (string Id, string Gateway) any = sent.Count == 0 ? ("none", gateway) : sent[Math.Max(0, sent.Count - 1 - random.Below(20))];
            switch (random.Below(12))
            {
                case < 4: Begin(new RequestArrived(_pool.Now, Request($"r{i}", gateway, random.Next()))); break;
                case 4: Begin(new RequestAdopted(_pool.Now, Request($"r{i}", gateway), engine, 1, 0, random.Below(3), TimeSpan.Zero)); break;
                case 5: Give(new RequestAdopted(_pool.Now, Request(any.Id, any.Gateway), engine, 2, 5, 0, TimeSpan.Zero) { IfUnknown = random.Below(2) == 0 }); break;
                case 6 when random.Below(5) == 0: Give(new GatewayHas(_pool.Now, gateway, [.. sent.TakeLast(20).Where(r => r.Gateway == gateway && random.Below(2) == 0).Select(r => r.Id)])); break;
                case 7: Give(new AttemptFailed(_pool.Now, any.Id, AttemptFailure.EngineBusy, "busy")); break;
                case 8: Give(new AlarmRang(_pool.Now)); break;
                case 9: Give(new RequestProgressed(_pool.Now, any.Id, 3)); break;
                default: Give(new RequestEnded(_pool.Now, any.Id, RequestEnd.Completed)); break;
            }
            PoolLoad load = _pool.Pool.Load();
            mostHeld = Math.Max(mostHeld, load.Held);
            Assert.Null(_books.Difference(load));

            void Begin(PoolEvent arrival)
            {
                sent.Add(($"r{i}", gateway));
                Give(arrival);
            }
        }
        Assert.True(mostHeld > 3, "too few waited to tell");
    }

    [Fact]
    public void A_pool_that_forgets_a_request_or_a_gateway_that_does_is_found_out()
    {
        Give(new RequestArrived(_pool.Now, Request("r", "g0")));
        Assert.Null(Difference);
        string at = _pool.Effects.OfType<Dispatch>().Single().Instance;
        _books.Enter(new RequestEnded(_pool.Now, "r", RequestEnd.Completed), []);   // the pool has not heard of it
        Assert.Equal($"the pool has 1 requests on {at}, its gateways 0 (g0 0)", Difference);
        _pool.Give(new RequestEnded(_pool.Now, "r", RequestEnd.Completed));
        Assert.Null(Difference);
        _books.Enter(new RequestArrived(_pool.Now, Request("s", "g1")), [new Held("s")]);
        Assert.Equal("the pool has 0 requests waiting, its gateways 1 (g0 0, g1 1)", Difference);
        _books.Enter(new GatewayHas(_pool.Now, "g1", []), []);
        Assert.Null(Difference);
    }

    [Fact]
    public async Task A_journal_with_another_instance_than_the_pool_counts_on_is_found_out()
    {
        using var folder = new JournalFolder();
        await using (JournalWriter journal = folder.Begin(new PoolOptions { Name = JournalFolder.RandomPool }))
        {
            var pool = new PoolDriver(new PoolOptions { Name = JournalFolder.RandomPool });
            foreach (string engine in Engines)
                Add(new InstanceJoined(pool.Now, engine));
            foreach (string engine in Engines)
                Add(new InstanceProbed(pool.Now, engine, PoolDriver.Report()));
            Add(new RequestArrived(pool.Now, Request("r", "g0")));
            Add(new RequestEnded(pool.Now, "r", RequestEnd.Completed));

            void Add(PoolEvent happened) => journal.Add(happened, [.. pool.Give(happened).Select(effect => effect is Dispatch d ? d with { Instance = "elsewhere" } : effect)]);
        }
        JournalReplay replay = folder.Replay();
        Assert.Equal(1, replay.LoadMismatches);
        Assert.Contains(":8: the pool has ", replay.FirstLoadMismatch);
    }
}
