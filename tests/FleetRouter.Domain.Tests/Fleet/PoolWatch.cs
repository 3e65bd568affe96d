using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Fleet;

/// <summary>Looks over a pool's shoulder: keeps its own books of every request from events and effects alone, and fails
/// when the pool breaks a promise.</summary>
internal sealed class PoolWatch(PoolOptions options)
{
    private readonly Dictionary<string, Ticket> _open = [];
    private readonly List<Ticket> _held = [];   // in the order they were held
    private readonly Dictionary<string, Engine> _engines = [];
    private PoolOptions _options = options;
    private int _mostAttempts = options.MaxAttempts;

    public IReadOnlyCollection<Ticket> Open => _open.Values;
    public int Dispatches { get; private set; }
    public int Holds { get; private set; }
    public int Refusals { get; private set; }
    public int Moves { get; private set; }
    public int Hedges { get; private set; }
    private int _arrivals;

    public void Saw(PoolEvent happened, IReadOnlyList<PoolEffect> effects)
    {
        Ticket? asks = Before(happened);
        foreach (PoolEffect effect in effects)
            Saw(effect, happened.At);
        if (asks is not null)
            Assert.True(asks.Standing != Standing.Asking, $"{asks.Request.Id} was left without an answer");
        foreach (Ticket held in _held)
            Assert.True(held.HeldSince + _options.MaxHoldTime >= happened.At, $"{held.Request.Id} was held beyond its time");
    }

    /// <summary>The pool's own ledger against these books.</summary>
    public void Compare(Pool pool)
    {
        PoolView view = pool.Describe();
        Assert.Equal(_held.Count, view.Held);
        Assert.True(view.Sessions <= _options.MaxSessions);
        Assert.Equal(_engines.Keys.Order(StringComparer.Ordinal), view.Instances.Select(i => i.Id));
        foreach (InstanceView instance in view.Instances)
        {
            Engine engine = _engines[instance.Id];
            Lease[] here = LeasesOn(engine);
            Assert.Equal(engine.State, instance.State);
            Assert.Equal(here.Length, instance.Leases);
            Assert.Equal(here.Where(t => t.Tokens == 0).Sum(t => (long)t.Uncached), instance.PendingPrefillTokens);
            Assert.True(instance is { DecodeTokens: >= 0, KvTokens: >= 0, ForeignRequests: >= 0 });
            Assert.True(instance.KvTokens >= here.Sum(t => (long)t.Uncached));
            if (here.Length == 0)
                Assert.Equal((0L, 0L, 0L), (instance.PendingPrefillTokens, instance.DecodeTokens, instance.KvTokens));
        }
        foreach (Instance instance in pool.Instances)
            Compare(instance, LeasesOn(_engines[instance.Id]));
        Assert.True(pool.Instances.Sum(i => i.Claims.Count) <= view.Held, "more requests wait for an instance than wait");
    }

    private Lease[] LeasesOn(Engine engine) =>
    [
        .. _open.Values.Where(t => t.On == engine).Select(t => new Lease(t.Tokens, t.Emitted, t.Uncached)),
        .. _open.Values.Where(t => t.Second == engine).Select(t => new Lease(0, 0, t.SecondUncached)),
    ];

    private static void Compare(Instance instance, Lease[] here)
    {
        PrefixIndex prefixes = instance.Prefixes;
        Assert.InRange(prefixes.PinnedBlocks, 0, prefixes.Blocks);
        Assert.True(prefixes.Blocks <= Math.Max(prefixes.CapacityBlocks, prefixes.PinnedBlocks), "more is cached than fits or runs");
        Assert.Equal(here.Count(t => t.Tokens == 0), instance.Line.Count);
        Assert.Equal(here.Sum(t => (long)t.Tokens + t.Emitted), instance.AnswerTokens);
        if (here.Length == 0)
            Assert.Equal((0L, 0L, 0d), (prefixes.PinnedBlocks, instance.PinnedTokens, instance.Line.Seconds(TimeSpan.Zero)));
        Assert.All(instance.Claims.All, work => Assert.True(work.Claim == instance && work.Instance is null && work.HoldPlace is not null));
        Assert.Equal(instance.Claims.All.OrderBy(w => w.LatestStart - w.Lead).ThenBy(w => w.Order), instance.Claims.All);
        if (instance.State != InstanceState.Ready)
            Assert.Equal(0, instance.Claims.Count);
    }

    private Ticket? Before(PoolEvent happened)
    {
        switch (happened)
        {
            case InstanceJoined e: _engines.TryAdd(e.Instance, new Engine(e.Instance)); return null;
            case InstanceProbed e when _engines.TryGetValue(e.Instance, out Engine? engine): engine.Models = e.Report.Models; return null;
            case OptionsChanged e:
                _options = e.Options;
                MarkClaims(_held);
                _mostAttempts = Math.Max(_mostAttempts, e.Options.MaxAttempts);
                return null;
            case RequestArrived e:
                _arrivals++;
                return _open[e.Request.Id] = new Ticket(e.Request);
            case RequestProgressed e when _open.TryGetValue(e.RequestId, out Ticket? ticket) && ticket.On is not null:
                ticket.Tokens = Math.Max(ticket.Tokens, e.OutputTokens);
                ticket.Second = null;
                return null;
            case RequestEnded e when _open.Remove(e.RequestId, out Ticket? ticket):
                _held.Remove(ticket);
                return null;
            case AttemptFailed e when _open.TryGetValue(e.RequestId, out Ticket? ticket) && ticket.On is { } failed:
                ticket.Fruitless++;
                if (e.EmittedTokens > ticket.Emitted)
                {
                    (ticket.Emitted, ticket.Fruitless) = (e.EmittedTokens, 0);
                    ticket.OutOfReach.Clear();
                }
                else if (e.Failure != AttemptFailure.EngineBusy && ticket.Emitted == 0)
                    ticket.OutOfReach.Add(failed);
                (ticket.On, ticket.Second, ticket.Standing) = (null, null, Standing.Asking);
                return ticket;
            case HedgeEnded e when _open.TryGetValue(e.RequestId, out Ticket? ticket) && ticket.Second is not null:
                AskedOnce(ticket, e);
                return null;
            default: return null;
        }
    }

    private void Saw(PoolEffect effect, TimeSpan at)
    {
        switch (effect)
        {
            case InstanceChanged e when e.To == InstanceState.Gone:
                _engines.Remove(e.Instance);
                break;
            case InstanceChanged e:
                _engines[e.Instance].State = e.To;
                break;
            case Held e:
                Holds++;
                Ticket held = _open[e.RequestId];
                Assert.Equal(Standing.Asking, held.Standing);
                (held.Standing, held.HeldSince) = (Standing.Held, at);
                _held.Add(held);
                MarkClaims([held]);
                Assert.True(_held.Count <= _options.MaxHeld, "more are held than may be");
                break;
            case Refuse e:
                Refusals++;
                Assert.True(_open.Remove(e.RequestId, out Ticket? refused), $"{e.RequestId} is refused but not open");
                Assert.NotEqual(Standing.Dispatched, refused.Standing);
                _held.Remove(refused);
                refused.Standing = Standing.Refused;
                Assert.Equal(PlacementRule.Refused, e.Decision.Rule);
                Assert.True(_options.RefuseLate || e.Refusal.Reason != "slo-out-of-reach", "refused as too late, though nobody may be");
                break;
            case Dispatch e:
                Dispatches++;
                SawDispatch(e);
                break;
            case Move e:
                Moves++;
                SawMove(e);
                break;
            case Hedge e:
                Hedges++;
                SawHedge(e);
                break;
            case ProbeNow e:
                Assert.Contains(e.Instance, _engines.Keys);
                break;
            case WakeAt e:
                Assert.True(e.At >= at, "an alarm in the past");
                break;
        }
    }

    private void SawDispatch(Dispatch dispatch)
    {
        Assert.True(_open.TryGetValue(dispatch.RequestId, out Ticket? ticket), $"{dispatch.RequestId} is dispatched but not open");
        Assert.NotEqual(Standing.Dispatched, ticket.Standing);
        Assert.True(_engines.TryGetValue(dispatch.Instance, out Engine? engine), $"dispatched to {dispatch.Instance}, which is gone");
        Assert.Equal(InstanceState.Ready, engine.State);
        Assert.Contains(ticket.Request.Model, engine.Models);
        Assert.DoesNotContain(engine, ticket.OutOfReach);
        ticket.Attempts++;
        Assert.True(ticket.Fruitless < _mostAttempts, $"{dispatch.RequestId} is tried {ticket.Fruitless + 1} times without a token");
        Assert.Equal(ticket.Emitted, dispatch.Decision.EmittedTokens);
        Assert.Equal(ticket.Attempts, dispatch.Decision.Attempt);

        // First come, first served within a model. A second attempt came before all who wait, and who found an engine
        // out of reach may be passed over, since what is free may be just that engine. Who waits for one instance keeps nobody
        // from the others, and on that one the most urgent goes first.
        if (!Claims && (ticket.Standing == Standing.Held || ticket.Attempts == 1))
            foreach (Ticket before in _held.TakeWhile(t => t != ticket).Where(t => t.Request.Model == ticket.Request.Model))
                Assert.True(before.OutOfReach.Count > 0 || before.MayHaveClaim, $"{ticket.Request.Id} overtakes {before.Request.Id}");

        _held.Remove(ticket);
        CandidateScore score = dispatch.Decision.Candidates.Single(c => c.Instance == dispatch.Instance);
        // Half an answer does not wait for room: it goes on at once, if need be in the engine's own queue.
        Assert.True(score.Refused is null || Claims && ticket.Emitted > 0 && score.Refused == "kv-full", score.Refused);
        (ticket.Standing, ticket.On, ticket.Tokens, ticket.Uncached) = (Standing.Dispatched, engine, 0, score.UncachedTokens);
    }

    /// <summary>Whether requests may wait for one instance rather than for any.</summary>
    private bool Claims => _options.Policy == "least-cost";

    private void MarkClaims(List<Ticket> held)
    {
        foreach (Ticket ticket in held)
            ticket.MayHaveClaim |= Claims;
    }

    private void SawMove(Move move)
    {
        Assert.True(_options.RebalanceQueued, "moved, though nobody may be");
        Assert.True(_open.TryGetValue(move.RequestId, out Ticket? ticket), $"{move.RequestId} is moved but not open");
        Assert.Equal((Standing.Dispatched, move.From, 0, false), (ticket.Standing, ticket.On!.Id, ticket.Tokens, ticket.Moved));
        Assert.Null(ticket.Second);
        Engine to = _engines[move.To];
        Assert.Equal(InstanceState.Ready, to.State);
        Assert.NotEqual(ticket.On, to);
        Assert.Contains(ticket.Request.Model, to.Models);
        Assert.DoesNotContain(to, ticket.OutOfReach);
        Assert.Equal(ticket.Attempts, move.Decision.Attempt);
        CandidateScore score = move.Decision.Candidates.Single(c => c.Instance == move.To);
        Assert.Null(score.Refused);
        (ticket.On, ticket.Uncached, ticket.Moved) = (to, score.UncachedTokens, true);
    }

    private void SawHedge(Hedge hedge)
    {
        // The share may have been changed meanwhile; it was never more than half.
        Assert.True(Hedges <= 0.5 * _arrivals, $"{Hedges} of {_arrivals} asked twice");
        Assert.True(_options.HedgeBudget > 0, "asked twice, though nobody may be");
        Assert.True(_open.TryGetValue(hedge.RequestId, out Ticket? ticket), $"{hedge.RequestId} is asked twice but not open");
        Assert.Equal((Standing.Dispatched, hedge.From, 0, 0, false), (ticket.Standing, ticket.On!.Id, ticket.Tokens, ticket.Emitted, ticket.WasHedged));
        Engine to = _engines[hedge.To];
        Assert.Equal(InstanceState.Ready, to.State);
        Assert.NotEqual(hedge.From, hedge.To);
        Assert.Contains(ticket.Request.Model, to.Models);
        Assert.DoesNotContain(to, ticket.OutOfReach);
        Assert.DoesNotContain(_held, t => t.Request.Model == ticket.Request.Model && !t.MayHaveClaim);
        CandidateScore score = hedge.Decision.Candidates.Single(c => c.Instance == hedge.To);
        Assert.Null(score.Refused);
        (ticket.Second, ticket.SecondUncached, ticket.WasHedged) = (to, score.UncachedTokens, true);
    }

    private static void AskedOnce(Ticket ticket, HedgeEnded ended)
    {
        (Engine first, Engine second) = (ticket.On!, ticket.Second!);
        ticket.Second = null;
        if (ended.End != HedgeEnd.SecondFailed)
            (ticket.On, ticket.Uncached) = (second, ticket.SecondUncached);
        if (ended.Failure is null)
            return;
        ticket.Fruitless++;
        if (ended.Failure != AttemptFailure.EngineBusy)
            ticket.OutOfReach.Add(ended.End == HedgeEnd.SecondFailed ? second : first);
    }

    private readonly record struct Lease(int Tokens, int Emitted, int Uncached);

    internal enum Standing { Asking, Held, Dispatched, Refused }

    /// <summary>One request that is not over.</summary>
    internal sealed class Ticket(PlacementRequest request)
    {
        public PlacementRequest Request => request;
        public Standing Standing;
        public Engine? On, Second;
        public HashSet<Engine> OutOfReach { get; } = [];
        public int Attempts, Fruitless, Emitted, Tokens, Uncached, SecondUncached;
        public TimeSpan HeldSince;
        public bool Moved, MayHaveClaim, WasHedged;
    }

    /// <summary>One instance from its joining to its leaving; under the same name later it is another.</summary>
    internal sealed class Engine(string id)
    {
        public string Id => id;
        public InstanceState State = InstanceState.Joined;
        public IReadOnlyList<string> Models = [];
    }
}
