using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Health;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;
using FleetRouter.Domain.Sessions;

namespace FleetRouter.Domain.Fleet;

/// <summary>The judgement of one pool: what happened goes in with its time, what to do comes out. No clock, no I/O, no
/// randomness; in-flight work is part of the state. The same events give the same effects in every process.</summary>
/// <remarks>Not for two threads at once: a host gives it one event after another.</remarks>
public sealed partial class Pool
{
    /// <summary>How long an engine that shed a request is left alone, unless a probe finds its queue empty before.</summary>
    private static readonly TimeSpan BusyRest = TimeSpan.FromSeconds(1);

    private readonly Roster _roster = new();
    private readonly Dictionary<string, InFlight> _inFlight = new(StringComparer.Ordinal);
    private readonly HoldQueue _held = new();
    private readonly PrefixHotness _hotness = new();
    private readonly SessionHomes _homes = new();
    private readonly TokenEstimates _estimates = new();
    private readonly Peers _peers;
    private readonly RetryBudget _retries = new();
    private readonly LongPrompts _longPrompts = new();
    private PoolOptions _options;
    private IPlacementPolicy _policy;
    private TimeSpan _now;
    private readonly InFlight[] _urgent = new InFlight[MostOffers];
    private readonly SortedSet<Instance> _wakes = new(Comparer<Instance>.Create(
        (x, y) => x.WakesAt != y.WakesAt ? x.WakesAt.CompareTo(y.WakesAt) : string.CompareOrdinal(x.Id, y.Id)));
    private TimeSpan _alarm = TimeSpan.MaxValue;
    private long _dispatches, _arrivals;

    /// <summary>A pool without instances.</summary>
    /// <exception cref="ArgumentException">No policy has the name the options give.</exception>
    public Pool(PoolOptions options)
        : this(options, PlacementPolicies.Create(options.Policy))
    {
    }

    /// <summary>A pool with a policy of the caller's, whatever the options name: a simulator's referee.</summary>
    internal Pool(PoolOptions options, IPlacementPolicy policy) =>
        (_options, _policy, _peers) = (options, policy, new Peers(options.PrefillTokensPerSecond));

    /// <summary>What the pool serves; a new object whenever that changes, so that a host can publish it as it is.</summary>
    public ServedModels Served => _roster.Served;

    /// <summary>The instances, in order of id.</summary>
    internal IReadOnlyList<Instance> Instances => _roster.All;

    /// <summary>Handles one event and appends what is to be done to <paramref name="effects"/>.</summary>
    public void Handle(PoolEvent happened, List<PoolEffect> effects)
    {
        // Hosts stamp events before they queue them, so two may come microseconds out of order.
        _now = happened.At > _now ? happened.At : _now;
        switch (happened)
        {
            case RequestArrived e: Arrive(e.Request, effects); break;
            case RequestProgressed e: Progress(e, effects); break;
            case RequestEnded e: End(e, effects); break;
            case AttemptFailed e: Fail(e, effects); break;
            case InstanceProbed e: Probed(e, effects); break;
            case ProbeFailed e when _roster.Find(e.Instance) is { } instance:
                if (Roster.Missed(instance, e.Reason, _options.SuspectAfterFailedProbes))
                    Doubt(instance, null, $"{instance.FailedProbes} probes failed, the last: {e.Reason}", effects);
                if (instance.State == InstanceState.Suspect)
                    Fell(instance, effects);
                Disappoint(instance, effects);
                ReleaseHeld(effects);
                break;
            case DrainOrdered e when _roster.Find(e.Instance) is { } instance: Drain(instance, e, effects); break;
            case MigrationEnded e: CarriedOver(e, effects); break;
            case HedgeEnded e: Hedged(e, effects); break;
            case InstanceJoined e: _roster.Join(e.Instance, _now, _options, _peers, effects); break;
            case InstanceLeft e when _roster.Find(e.Instance) is { } instance:
                _roster.Leave(e.Instance, _now, effects);
                Disappoint(instance, effects);
                WakeFor(instance, TimeSpan.MaxValue);
                ReadmitNeeded(effects);
                Empty(instance, effects);
                break;
            case OptionsChanged e: Change(e.Options, effects); break;
            case RequestAdopted e: Adopt(e, effects); break;
            case PlacementRemembered e: Remember(e); break;
            case ProfileRecalled e: Recall(e.Profile); break;
            case GatewayHas e: Settle(e, effects); break;
            case AlarmRang: _alarm = TimeSpan.MaxValue; OfferDue(effects); ReleaseHeld(effects); HedgeLate(effects); break;
        }
        _roster.TellEmptied(_now, effects);
        SetAlarm(effects);
    }

    /// <summary>The pool's state for people and metrics.</summary>
    public PoolView Describe() => PoolView.Of(_options, _roster, _held.Count, _homes.Count, _estimates);

    /// <summary>What is worth keeping of what it has learned; null before the first answer.</summary>
    public LearnedProfile? Learned => _estimates.HasLearned
        ? new LearnedProfile(_estimates.BytesPerToken, _estimates.MeanPromptTokens, _estimates.MeanOutputTokens, _peers.Speed.Learned)
        : null;

    private void Recall(LearnedProfile known)
    {
        if (!_estimates.HasLearned)
            _estimates.Recall(known);
        if (_peers.Speed.Learned is null && known.PrefillTokensPerSecond is { } rate)
            _peers.Speed.Recall(rate);
    }

    private void Arrive(PlacementRequest request, List<PoolEffect> effects)
    {
        var work = new InFlight(request, _now)
        {
            Order = ++_arrivals,
            PromptTokens = _estimates.PromptTokens(request),
            Key = KeyOf(request),
        };
        work.IsLong = _longPrompts.IsLong(work.PromptTokens);
        work.Lead = work.IsLong ? _longPrompts.Lead(_options.TtftSloOf(work.PromptTokens)) : TimeSpan.Zero;
        work.LeavesFree = work.IsLong ? 0 : _longPrompts.Room;
        _inFlight.Add(request.Id, work);
        BelieveHome(request);
        _retries.Arrived(_now);
        MayHedge();
        if (!_held.HoldsModel(request.Model) || request.Priority > 0)
        {
            Place(work, effects);
            return;
        }
        Hold(work, [], effects);   // nobody overtakes who waits already
        ReleaseHeld(effects);      // unless those before it stand aside
    }

    /// <summary>The session's last turn ran at its home, maybe by way of another gateway: what it asked is cached there.</summary>
    private void BelieveHome(PlacementRequest request)
    {
        if (request is { Home: { } id, PriorBlocks: > 0 } && _roster.Find(id) is { } home && home.Serves(request.Model))
            home.Prefixes.Touch(request.Prompt.Hashes[..Math.Min(request.PriorBlocks, request.Prompt.Hashes.Length)], _now);
    }

    private void Place(InFlight work, List<PoolEffect> effects)
    {
        if (!TryPlace(work, out CandidateScore[] weighed, effects))
            Hold(work, weighed, effects);
    }

    /// <summary>Dispatches a request, refuses it, or has it wait for one instance; false if no instance can be named.</summary>
    private bool TryPlace(InFlight work, out CandidateScore[] weighed, List<PoolEffect> effects)
    {
        weighed = [];
        if (_roster.Ready(work.Request.Model).Instances.Length == 0)
            return false;
        PlacementQuery query = QueryFor(work, HomeOf(work));
        Choice choice = _policy.Place(query);
        weighed = choice.Candidates;
        if (choice.Instance is not { } instance)
            return false;
        Fit fit = choice.Fit ?? query.Fit(instance);
        work.LatestStart = query.LatestStart(instance, fit.Own);
        work.HasSlo = query.HasSlo(choice.LeastOwn ?? fit.Own);
        bool isLost = _options.RefuseLate && work.Emitted == 0 && work.HasSlo && !query.HasSlo(fit.Own);   // the line is too long where its prefix is cached
        bool later = choice.Wait is not null && (work.Emitted > 0
            ? query.Closed(instance) is not null
            : fit.Obstacle is not null || !IsFree(instance) || IsBehind(work, instance));
        if (isLost || IsTooLate(work, later ? SureOf(work) * choice.Wait!.Value : query.Queue(instance)))
            Refuse(work, Late(work), weighed, effects);
        else if (later)
            Claim(work, choice, fit, effects);
        else
            Start(work, instance, choice.Rule, weighed, fit, effects);
        return true;
    }

    private PlacementQuery QueryFor(InFlight work, Instance? home) => new(work, _roster.Ready(work.Request.Model), home, _now, _options, _estimates);

    private void Start(InFlight work, Instance instance, PlacementRule rule, CandidateScore[] weighed, in Fit fit, List<PoolEffect> effects)
    {
        _held.Remove(work, _now);
        Lease(work, instance, fit.CachedTokens);
        instance.Pace.Spend(fit.Own, _now);
        effects.Add(new Dispatch(work.Request.Id, instance.Id, Decide(work, rule, instance.Id, weighed, null)) { Patience = work.Patience });
    }

    private void Lease(InFlight work, Instance instance, int cachedTokens) => Lease(work, instance, cachedTokens, _now);

    private void Lease(InFlight work, Instance instance, int cachedTokens, TimeSpan since)
    {
        work.Lease(instance, since, work.PromptTokens - cachedTokens, Math.Max(0, _estimates.ProjectedOutput(work.Request) - work.Emitted));
        work.Patience = new Patience(FirstTokenAfter(instance), instance.Stall.At(_now));
        WatchFirstToken(work);
        instance.LastDispatch = ++_dispatches;
        instance.Prefixes.Touch(work.Request.Prompt.Hashes, _now);
        work.Pin = instance.Prefixes.Pin(work.Request.Prompt.Hashes);
        if (!work.IsArriving)
            _homes.Settle(work, instance.Id, _now, _options.SessionIdleTime, _options.MaxSessions);
    }

    private void Rebalance(Instance from, List<PoolEffect> effects)
    {
        foreach ((InFlight work, Instance to, CandidateScore here, CandidateScore there) in Rebalancing.Round(from, _roster, _options, _estimates, _now))
        {
            MoveQueued(work, to, PlacementRule.Rebalanced, here, there, effects);
        }
    }

    private PrefixKey KeyOf(PlacementRequest request) => _hotness.KeyFor(request, _roster.Ready(request.Model));

    private Instance? HomeOf(InFlight work) =>
        (_homes.Find(work, _now, _options.SessionIdleTime) ?? work.Request.Home) is { } id
        && _roster.Find(id) is { } instance && instance.Serves(work.Request.Model) ? instance : null;

    private void Progress(RequestProgressed e, List<PoolEffect> effects)
    {
        if (!_inFlight.TryGetValue(e.RequestId, out InFlight? work) || work.Instance is not { } instance)
            return;
        if (work.InterTokenSince(_now, e.OutputTokens) is { } interToken)
        {
            instance.Pace.Saw(interToken, _options.InterTokenSlo.TotalSeconds);
            instance.Health.Pace.Saw(interToken, _now);
        }
        instance.Stall.Saw(e.LongestGap, _now);
        instance.LastTokenAt = _now;
        bool first = !work.PrefillDone && e.OutputTokens > 0;
        if (first)
        {
            instance.Line.Finish(work, _now);
            GotOn(instance, work);
            if (_options.HedgeBudget > 0 && work.Emitted == 0)
                _waits.Saw((_now - work.DispatchedAt).TotalSeconds, work.ExpectedSeconds);
            Answered(work, _now - work.ArrivedAt > _options.TtftSloOf(work.PromptTokens));
        }
        work.Progress(e.OutputTokens);
        if (!first)
            return;
        LetSecondGo(work, effects);
        if (instance.State == InstanceState.Draining)
            Empty(instance, effects);
        Offer(instance, effects);
        ReleaseHeld(effects);
    }

    private void End(RequestEnded e, List<PoolEffect> effects)
    {
        if (!_inFlight.Remove(e.RequestId, out InFlight? work))
            return;
        Instance? freed = work.Instance ?? work.Claim;
        _held.Remove(work, _now);
        Instance? second = work.Second?.Instance;
        if (work.Instance is { } instance)
        {
            MayCarry(work);
            if (e.End == RequestEnd.Completed)
                Succeed(instance, work);
            work.EndLease(_now);
            _held.PlaceFreed(_now);
            if (e.End == RequestEnd.EngineBroke)
            {
                Doubt(instance, work, "it broke off an answer, or stood still", effects);
                Disappoint(instance, effects);
            }
            if (e.Usage is { } usage)
                _estimates.Learn(work.Request, usage);
        }
        if (freed is not null)
            Offer(freed, effects);
        if (second is not null)
            Offer(second, effects);
        ReleaseHeld(effects);
    }

    private void Probed(InstanceProbed e, List<PoolEffect> effects)
    {
        if (_roster.Find(e.Instance) is not { } instance)
            return;
        if (instance.Reconcile(e.Report, _now, _estimates))
            Fell(instance, effects);
        if (e.Report.Waiting == 0)
            instance.BusyUntil = TimeSpan.Zero;
        _roster.Answered(instance, e.Report, _options.MaxEjectedShare, _now, effects);
        EjectIfSlow(instance, effects);
        if (_options.RebalanceQueued)
            Rebalance(instance, effects);
        Relieve(instance, effects);
        EmptyDeparted(effects);
        Disappoint(instance, effects);
        Offer(instance, effects);
        ReleaseHeld(effects);
    }

    private void Change(PoolOptions options, List<PoolEffect> effects)
    {
        if (options.Policy != _options.Policy)
            _policy = PlacementPolicies.Create(options.Policy);
        _options = options;
        _peers.Speed.Prior = options.PrefillTokensPerSecond;
        _homes.Trim(_now, options.SessionIdleTime, options.MaxSessions);
        OfferAll(effects);
        ReleaseHeld(effects);
    }

    private void Refuse(InFlight work, Refusal refusal, CandidateScore[] weighed, List<PoolEffect> effects)
    {
        _held.Remove(work, _now);
        _inFlight.Remove(work.Request.Id);
        Answered(work, isLate: true);
        effects.Add(new Refuse(work.Request.Id, refusal, Decide(work, PlacementRule.Refused, null, weighed, refusal)));
    }

    /// <summary>A request has its first token, or never will.</summary>
    private void Answered(InFlight work, bool isLate)
    {
        if (work is { HasSlo: true, Emitted: 0 })
            _longPrompts.Ended(work.IsLong, isLate);
    }

    private Refusal Busy(string reason, string what) =>
        new(RefusalKind.Busy, reason, $"pool {_options.Name} is busy: {what}; try again later", _held.Refused(_now));

    private Decision Decide(InFlight work, PlacementRule rule, string? instance, CandidateScore[] weighed, Refusal? refusal) =>
        work.Decide(_options, _now, rule, instance, weighed, refusal);
}
