using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Tests.Fleet;
using FleetRouter.Gateway.Tests.Journal;
using FleetRouter.Hosting;
using FleetRouter.Orleans.Pools;
using FleetRouter.Orleans.Wire;

namespace FleetRouter.Orleans.Tests.Parity;

/// <summary>The same events give the same decisions in a grain as in the pool itself.</summary>
public sealed class HostParityTests
{
    private const string Gateway = "g";

    [Theory]
    [InlineData(300, false)]
    [InlineData(301, true)]
    [InlineData(302, true)]
    public async Task A_grain_decides_as_the_pool_does(ulong seed, bool hedges)
    {
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var life = new List<PoolEvent>();
        var run = new RandomPoolRun(seed, hedges) { Heard = (happened, _) => life.Add(happened) };
        run.Live(400).EndAll();
        Assert.Equal(run.Digest.Value, (await DecideAsync(run.FirstOptions, life)).Value);
        Assert.True(run.Digest.Decisions > 100, "it decided too little to tell");
    }

    private static async Task<DecisionDigest> DecideAsync(PoolOptions options, IEnumerable<PoolEvent> events)
    {
        var digest = new DecisionDigest();
        var time = new EventTime();
        await using Silo silo = await SiloUnderTest.StartAsync((_, effect) => digest.Add(effect), time: time);
        var fleet = new ScriptedFleet();
        fleet.Says(ScriptedFleet.Engine(1), null);   // what is found stands in the events
        PoolSetup setup = fleet.Setup(options) with { Probe = new ProbeOptions { Interval = TimeSpan.FromMinutes(5), Timeout = TimeSpan.FromMinutes(1) } };
        silo.Set(setup);
        IPoolGrain pool = silo.Grains.GetGrain<IPoolGrain>(options.Name);
        var requests = new Dictionary<string, PlacementRequest>();
        var engines = new SortedDictionary<string, EngineNumber>(StringComparer.Ordinal);
        var seat = Guid.NewGuid();
        await pool.SitAsync(Gateway, seat, silo.Grains.CreateObjectReference<IGatewayObserver>(new Deaf()), []);
        foreach (PoolEvent happened in events)
        {
            time.Now = happened.At;
            switch (happened)
            {
                case InstanceJoined e when engines.TryAdd(e.Instance, new EngineNumber(e.Instance)): await NameAsync(); break;
                case InstanceLeft e when engines.Remove(e.Instance): await NameAsync(); break;
                case InstanceProbed e: await pool.ReportAsync([ProbeOnWire.Of(e.Instance, e.Report)]); break;
                case ProbeFailed e: await pool.ReportAsync([new ProbeOnWire { Instance = e.Instance, Failure = e.Reason }]); break;
                case RequestArrived e:
                    requests[e.Request.Id] = e.Request;
                    await TellAsync(new Place(RequestOnWire.Of(e.Request, Gateway)));
                    break;
                case RequestProgressed e: await TellAsync(new Progress(e.RequestId, e.OutputTokens, e.LongestGap)); break;
                case AttemptFailed e: await RetryAsync(e); break;
                case RequestEnded e: await TellAsync(new Over(e.RequestId, (int)e.End, UsageOnWire.Of(e.Usage))); break;
                case DrainOrdered e: await pool.DrainAsync(e.Instance, e.Drains, e.Within, TimeSpan.Zero); break;
                case HedgeEnded e: await TellAsync(new HedgeOver(e.RequestId, (int)e.End, (int?)e.Failure, e.Reason)); break;
                case MigrationEnded e: await TellAsync(new Carried(e.RequestId, e.EmittedTokens, e.Failure)); break;
                case OptionsChanged e: silo.Set(setup = setup with { Options = e.Options }); break;
                case AlarmRang: time.Ring(); break;
            }
        }
        return digest;

        async Task TellAsync(ToPool message) => Assert.True((await pool.ExchangeAsync(new GatewayBatch(Gateway, seat, [message]))).Taken);

        Task RetryAsync(AttemptFailed e) => TellAsync(new Retry(
            new RunningOnWire(RequestOnWire.Of(requests[e.RequestId], Gateway), "known", 1, 0, 0, TimeSpan.Zero), (int)e.Failure, e.Reason, e.EmittedTokens));

        async Task NameAsync()
        {
            fleet.Names([.. engines.Values.Select(e => e.Endpoint)]);
            await Eventually.Is(() => silo.Here(options.Name)!.Host.DescribeAsync(), v => v.Instances.Select(i => i.Id).SequenceEqual(engines.Keys));
        }
    }

    /// <summary>An engine by the name that the events give it.</summary>
    private sealed record EngineNumber(string Id)
    {
        public Hosting.Ports.EngineEndpoint Endpoint => new(Id, ScriptedFleet.Engine(1).Address);
    }

    private sealed class Deaf : IGatewayObserver
    {
        public Task TakeAsync(Guid seat, IReadOnlyList<ToGateway> messages) => Task.CompletedTask;
    }
}
