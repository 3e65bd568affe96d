using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Simulation.Safety;

namespace FleetRouter.Simulation.Tests.Safety;

/// <summary>The books find what a pool without fault never does.</summary>
public class SafetyBooksTests
{
    private static readonly PoolOptions Options = new() { Name = "pool", MaxAttempts = 2, MaxRequestsPerInstance = 1, MaxHeld = 1, MaxHoldTime = TimeSpan.FromSeconds(5) };
    private static readonly Refusal Busy = new(RefusalKind.Busy, "busy", "busy", null);

    private readonly SafetyBooks _books = new(Options);
    private PoolView _view = new("pool", "round-robin", 0, 0, 4, []);

    [Fact]
    public void A_request_placed_where_it_is_served_breaks_nothing()
    {
        Ready("a");
        Assert.Null(Arrives("r", To("r", "a"), leases: 1));
        Assert.Null(Tell(new RequestEnded(Second(1), "r", RequestEnd.Completed), [], leases: 0));
    }

    [Fact]
    public void An_instance_that_is_gone_or_suspect_takes_nothing()
    {
        Ready("a");
        Tell(new ProbeFailed(Second(1), "a", "no answer"), [new InstanceChanged("a", InstanceState.Ready, InstanceState.Suspect, "why")], state: InstanceState.Suspect);
        Assert.Contains("Suspect", Arrives("r", To("r", "a"))!.What, StringComparison.Ordinal);
        Assert.Contains("gone", Arrives("s", To("s", "b"))!.What, StringComparison.Ordinal);
    }

    [Fact]
    public void An_instance_takes_only_what_it_serves()
    {
        Ready("a", "another");
        Assert.Contains("serves another and not sim", Arrives("r", To("r", "a"))!.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_request_is_answered_once()
    {
        Ready("a");
        Assert.Contains("left without an answer", Arrives("r", null)!.What, StringComparison.Ordinal);
        Assert.Contains("being served", Arrives("s", To("s", "a"), To("s", "a"))!.What, StringComparison.Ordinal);
        Assert.Contains("is over", Arrives("t", No("t"), No("t"))!.What, StringComparison.Ordinal);
        Assert.Contains("never came", Arrives("u", No("v"))!.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Bounds_hold()
    {
        Ready("a");
        Assert.Null(Arrives("r", To("r", "a"), leases: 1));
        Assert.Contains("1 at most", Arrives("s", To("s", "a"), leases: 2)!.What, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hold_ends_in_time_and_has_an_alarm()
    {
        Assert.Contains("the alarm is at", Arrives("r", new Held("r"), held: 1)!.What, StringComparison.Ordinal);
        Assert.Contains("in the past", Tell(new AlarmRang(Second(2)), [new WakeAt(Second(1))], held: 1)!.What, StringComparison.Ordinal);
        Assert.Null(Tell(new AlarmRang(Second(2)), [new WakeAt(Second(5))], held: 1));
        Assert.Contains("held since", Tell(new AlarmRang(Second(6)), [new WakeAt(Second(7))], held: 1)!.What, StringComparison.Ordinal);
    }

    [Fact]
    public void A_leaked_lease_shows()
    {
        Ready("a");
        Arrives("r", To("r", "a"), leases: 1);
        Assert.Contains("1 leases, 0 by these books", Tell(new RequestEnded(Second(1), "r", RequestEnd.ClientGone), [], leases: 1)!.What, StringComparison.Ordinal);
    }

    [Fact]
    public void No_more_are_asked_twice_than_may_be_and_each_once()
    {
        var books = new SafetyBooks(Options with { HedgeBudget = 0.5 });
        foreach (string id in (string[])["a", "b"])
        {
            books.Check(new InstanceJoined(default, id), [new InstanceChanged(id, InstanceState.Gone, InstanceState.Joined, "why")], _view);
            books.Check(new InstanceProbed(default, id, new EngineReport(["sim"])), [new InstanceChanged(id, InstanceState.Joined, InstanceState.Ready, "why")], _view);
        }
        Hedge twice = new("r", "a", "b", Decided("r"));
        Assert.Contains("a share of 0.5", books.Check(new RequestArrived(default, Ask("r")), [To("r", "a"), twice], With(1, 1))!.What, StringComparison.Ordinal);
        Assert.Null(books.Check(new RequestArrived(default, Ask("s")), [No("s")], With(1, 0)));
        Assert.Null(books.Check(new RequestArrived(default, Ask("t")), [No("t")], With(1, 0)));
        Assert.Null(books.Check(new RequestArrived(default, Ask("u")), [No("u"), twice], With(1, 1)));
        Assert.Contains("1 by these books", books.Check(new AlarmRang(default), [], With(1, 0))!.What, StringComparison.Ordinal);
        Assert.Null(books.Check(new HedgeEnded(Second(1), "r", HedgeEnd.SecondWon), [], With(0, 1)));
        Assert.Contains("1 leases, 0 by these books", books.Check(new RequestEnded(Second(2), "r", RequestEnd.Completed), [], With(0, 1))!.What, StringComparison.Ordinal);

        PoolView With(int atA, int atB) => _view with { Instances = [View("a", InstanceState.Ready, atA), View("b", InstanceState.Ready, atB)] };
    }

    private void Ready(string id, string model = "sim")
    {
        Tell(new InstanceJoined(default, id), [new InstanceChanged(id, InstanceState.Gone, InstanceState.Joined, "why")]);
        Tell(new InstanceProbed(default, id, new EngineReport([model])), [new InstanceChanged(id, InstanceState.Joined, InstanceState.Ready, "why")]);
        _view = _view with { Instances = [View(id, InstanceState.Ready, 0)] };
    }

    private Breach? Arrives(string id, PoolEffect? first, PoolEffect? second = null, int leases = 0, int held = 0) =>
        Tell(new RequestArrived(default, Ask(id)), [.. new[] { first, second }.OfType<PoolEffect>()], leases, held);

    private Breach? Tell(PoolEvent happened, PoolEffect[] effects, int leases = 0, int held = 0, InstanceState state = InstanceState.Ready)
    {
        _view = _view with { Held = held, Instances = [.. _view.Instances.Select(i => View(i.Id, state, leases))] };
        return _books.Check(happened, effects, _view);
    }

    private static InstanceView View(string id, InstanceState state, int leases) =>
        new(id, state, "why", default, ["sim"], leases, 0, 0, 0, 0, null, null, null, 0, 0, 8_000);

    private static PlacementRequest Ask(string id) => new() { Id = id, Model = "sim", Api = ApiKind.Chat };

    private static Dispatch To(string request, string instance) => new(request, instance, Decided(request));

    private static Refuse No(string request) => new(request, Busy, Decided(request));

    private static Decision Decided(string request) => new()
    {
        RequestId = request, At = default, Pool = "pool", Model = "sim", Workload = WorkloadKind.SingleTurn, Policy = "round-robin",
        Rule = PlacementRule.RoundRobin, PromptTokens = 1, Key = default, Candidates = [], Attempt = 1, HeldFor = default,
    };

    private static TimeSpan Second(double at) => TimeSpan.FromSeconds(at);
}
