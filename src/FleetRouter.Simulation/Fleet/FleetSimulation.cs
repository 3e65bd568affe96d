using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Fleet;

/// <summary>
/// A discrete-event simulation of a whole fleet in virtual time: the gateway's own <see cref="Pool"/> in front of engine models, a
/// network between them, sessions whose next turn follows the answer to the last. The pool hears what a live gateway's pool
/// hears, when it would hear it: its own dispatches, coalesced token progress, ends with usage, and the engines' reports at the
/// probe interval. Events are ordered by time, then by the order in which they were planned, so that one seed gives one run
/// in every process.
/// </summary>
public sealed partial class FleetSimulation
{
    /// <summary>Output tokens between two progress reports, as the gateway coalesces them.</summary>
    private const int ReportEvery = 64;

    private readonly PreparedWorkload _workload;
    private readonly FleetSetup _setup;
    private readonly Pool _pool;
    private readonly Action<PoolEvent, IReadOnlyList<PoolEffect>>? _observe;
    private readonly EventQueue<Happening> _queue = new();
    private readonly RequestSchedule _schedule;
    private readonly SimulatedEngine[] _engines;
    private readonly Dictionary<string, SimulatedEngine> _engineOf = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RequestOutcome> _outcomeOf = new(StringComparer.Ordinal);
    private readonly RequestOutcome[] _outcomes;
    private readonly DueRequest[] _due;
    private readonly List<PoolEffect> _effects = [];
    private readonly List<EngineEvent> _engineEvents = [];
    private readonly LoadSpread _spread = new();
    private TimeSpan _now;
    private TimeSpan? _nextDue;
    private long _alarm;
    private int _open;

    private FleetSimulation(PreparedWorkload workload, FleetSetup setup, double pace, Pool? pool, Action<PoolEvent, IReadOnlyList<PoolEffect>>? observe)
    {
        (_workload, _setup, _observe) = (workload, setup, observe);
        _schedule = new RequestSchedule(workload.StartsAt(pace));
        SharedCache? shared = setup.SharedCache ? new SharedCache(setup.Engines.Sum(profile => setup.Limits.KvBlocks ?? profile.KvBlocks)) : null;
        _engines = [.. setup.Engines.Select((profile, i) => new SimulatedEngine(i, setup.Ids?[i], profile, setup.Limits, shared))];
        foreach (SimulatedEngine engine in _engines)
            _engineOf.Add(engine.Id, engine);
        _outcomes = [.. workload.All.Select(request => new RequestOutcome(request))];
        foreach (RequestOutcome outcome in _outcomes)
            _outcomeOf.Add(outcome.Request.ForRouter.Id, outcome);
        _due = new DueRequest[_outcomes.Length];
        _pool = pool ?? (setup.Referee is { } referee
            ? new Pool(setup.Pool, referee(new FleetTruth(_engineOf, _outcomeOf, () => _now)))
            : new Pool(setup.Pool));
    }

    /// <summary>Runs a workload to its end.</summary>
    /// <param name="workload">What is asked.</param>
    /// <param name="setup">Of which fleet.</param>
    /// <param name="pace">Session starts are divided by it, pauses within a session are not.</param>
    /// <param name="observe">Told every event the pool handled and its effects; the list is used again afterwards.</param>
    /// <exception cref="ArgumentException">The setup names an unknown policy, or an engine limit below 1.</exception>
    public static FleetRun Run(
        PreparedWorkload workload, FleetSetup setup, double pace = 1, Action<PoolEvent, IReadOnlyList<PoolEffect>>? observe = null) =>
        new FleetSimulation(workload, setup, pace, null, observe).Run();

    /// <summary>The same round a pool that its observer may look into.</summary>
    internal static FleetRun Run(
        PreparedWorkload workload, FleetSetup setup, double pace, Pool pool, Action<PoolEvent, IReadOnlyList<PoolEffect>>? observe) =>
        new FleetSimulation(workload, setup, pace, pool, observe).Run();

    private FleetRun Run()
    {
        var random = new SplitMix64(SplitMix64.Combine(_setup.Seed, SplitMix64.Key("probes")));
        foreach (SimulatedEngine engine in _engines)
        {
            Tell(new InstanceJoined(_now, engine.Id));
            Tell(new InstanceProbed(_now, engine.Id, engine.Report()));
            Plan(_setup.ProbeInterval * random.NextDouble(), new Happening(Kind.Probe, engine.Index));
        }
        for (int i = 0; i < _setup.Faults.Count; i++)
        {
            Plan(_setup.Faults[i].At, new Happening(Kind.FaultBegins, i));
            Plan(_setup.Faults[i].At + _setup.Faults[i].Lasts, new Happening(Kind.FaultEnds, i));
        }
        PlanNextDue();
        long handled = 0;
        while (_open + _schedule.Remaining > 0 && _queue.TryTake(out _now, out Happening next) && !(_now > _setup.Until))
        {
            handled++;
            Handle(next);
        }
        return new FleetRun(_outcomes, [.. _engines.Select(e => e.Model.Counters)], handled, _spread.Mean,
            _pool.Describe().Instances.Sum(i => i.Leases));
    }

    private void Handle(Happening next)
    {
        switch (next.Kind)
        {
            case Kind.Due: _nextDue = null; Offer(); break;
            case Kind.Submit: Submit(_outcomes[next.Index], _engines[next.Engine], next.Number); break;
            case Kind.Cancel: Cancel(_engines[next.Engine], next.Number); break;
            case Kind.StepEnds when _engines[next.Engine].Life == next.Number: StepEnds(_engines[next.Engine]); break;
            case Kind.Wake when _engines[next.Engine] is var e && e.Life == next.Number && e.WakesAt == _now: e.WakesAt = null; Pump(e); break;
            case Kind.Progress when Current(next): Progressed(_outcomes[next.Index], next.Payload); break;
            case Kind.Finished when Current(next): Finished(_outcomes[next.Index]); break;
            case Kind.TooLong when Current(next): Answered(_outcomes[next.Index], OutcomeKind.TooLong, null); break;
            case Kind.Failed when Current(next): Failed(_outcomes[next.Index], (AttemptFailure)next.Payload); break;
            case Kind.Silent when Current(next): Silent(_outcomes[next.Index], next); break;
            case Kind.WarmSubmit when Carries(next): WarmSubmit(_outcomes[next.Index], _engines[next.Engine]); break;
            case Kind.Warmed when Carries(next): Cut(_outcomes[next.Index], _engines[next.Engine]); break;
            case Kind.CutSubmit when Carries(next): CutSubmit(_outcomes[next.Index], _engines[next.Engine]); break;
            case Kind.TakenOver when Current(next): TakenOver(_outcomes[next.Index], next.Payload); break;
            case Kind.StaysHere when Carries(next): StaysHere(_outcomes[next.Index]); break;
            case Kind.SecondSubmit: SecondSubmit(_outcomes[next.Index], _engines[next.Engine]); break;
            case Kind.SecondWon when Current(next): Tell(new HedgeEnded(_now, _outcomes[next.Index].Request.ForRouter.Id, HedgeEnd.SecondWon)); break;
            case Kind.SecondFailed: SecondFailed(_outcomes[next.Index], (AttemptFailure)next.Payload); break;
            case Kind.Leaves: Leaves(_outcomes[next.Index]); break;
            case Kind.Alarm when next.Number == _alarm: Tell(new AlarmRang(_now)); break;
            case Kind.Probe: Probe(_engines[next.Engine], again: next.Payload == 0); break;
            case Kind.ProbeAnswered: Tell(new InstanceProbed(_now, _engines[next.Engine].Id, next.Report!)); break;
            case Kind.ProbeFailed: Tell(new ProbeFailed(_now, _engines[next.Engine].Id, "no answer")); break;
            case Kind.FaultBegins: FaultBegins(_setup.Faults[next.Engine]); break;
            case Kind.FaultEnds: FaultEnds(_setup.Faults[next.Engine]); break;
        }
    }

    private bool Current(Happening next) => _outcomes[next.Index] is var outcome
        && outcome.Attempts == next.Number && outcome.Engine == next.Engine && outcome.EndedAt is null;

    private void Plan(TimeSpan at, Happening happening) => _queue.Add(at, happening);

    // The clients.

    private void PlanNextDue()
    {
        if (_schedule.NextDue is { } at && (_nextDue is null || at < _nextDue))
        {
            _nextDue = at < _now ? _now : at;
            Plan(_nextDue.Value, new Happening(Kind.Due));
        }
    }

    private void Offer()
    {
        while (_schedule.TryTake(_now, out DueRequest due))
        {
            RequestOutcome outcome = _outcomes[_workload.Requests[due.Session][due.Turn].Index];
            _due[outcome.Request.Index] = due;
            outcome.OfferedAt = _now;
            _open++;
            if (_setup.Patience.TryGetValue(outcome.Request.Index, out TimeSpan patience))
                Plan(_now + patience, new Happening(Kind.Leaves, Index: outcome.Request.Index));
            Tell(new RequestArrived(_now, outcome.Request.ForRouter));
        }
        PlanNextDue();
    }

    /// <summary>The client has its answer, or a refusal; either way its session goes on, after a refusal no sooner than it was told.</summary>
    private void End(RequestOutcome outcome, OutcomeKind kind, TimeSpan retryAfter = default)
    {
        (outcome.Kind, outcome.EndedAt) = (kind, _now);
        _open--;
        _schedule.Ended(_due[outcome.Request.Index], outcome.OfferedAt!.Value, _now, retryAfter);
        PlanNextDue();
    }

    private void Leaves(RequestOutcome outcome)
    {
        if (outcome.EndedAt is not null)
            return;
        GiveUp(outcome);
        End(outcome, OutcomeKind.Left);
        Tell(new RequestEnded(_now, outcome.Request.ForRouter.Id, RequestEnd.ClientGone));
    }

    // The gateway.

    private void Tell(PoolEvent happened)
    {
        _effects.Clear();
        _pool.Handle(happened, _effects);
        _observe?.Invoke(happened, _effects);
        List<Refuse>? refused = null;
        foreach (PoolEffect effect in _effects)
        {
            switch (effect)
            {
                case Dispatch e: Send(_outcomeOf[e.RequestId], _engineOf[e.Instance]); break;
                case Move e:
                    GiveUp(_outcomeOf[e.RequestId]);
                    _outcomeOf[e.RequestId].Moves++;
                    Send(_outcomeOf[e.RequestId], _engineOf[e.To]);
                    break;
                case Migrate e: CarryOver(_outcomeOf[e.RequestId], _engineOf[e.To]); break;
                case Hedge e: AskTwice(_outcomeOf[e.RequestId], _engineOf[e.To]); break;
                case Refuse e: (refused ??= []).Add(e); break;
                case WakeAt e: Plan(e.At > _now ? e.At : _now, new Happening(Kind.Alarm, Number: ++_alarm)); break;
                case ProbeNow e: Plan(_now, new Happening(Kind.Probe, _engineOf[e.Instance].Index, Payload: 1)); break;
            }
        }
        // A refusal may make the next turn due, hence the pool hear another event: only when its effects are carried out.
        foreach (Refuse e in refused ?? [])
            End(_outcomeOf[e.RequestId], OutcomeKind.Refused, e.Refusal.RetryAfter ?? default);
    }

    private void Send(RequestOutcome outcome, SimulatedEngine engine)
    {
        outcome.Attempts++;
        outcome.Engine = engine.Index;
        outcome.AttemptStart = outcome.OutputTokens;
        outcome.Asked = null;
        engine.OnTheWay.Add(outcome.Request);
        Plan(_now + _setup.NetworkDelay, new Happening(Kind.Submit, engine.Index, outcome.Request.Index, outcome.Attempts));
        Watch(outcome);
    }

    /// <summary>From now on the attempt counts as stalled when nothing is heard of it for too long.</summary>
    private void Watch(RequestOutcome outcome)
    {
        outcome.LastActivity = _now;
        Plan(_now + _setup.ActivityTimeout, new Happening(Kind.Silent, outcome.Engine, outcome.Request.Index, outcome.Attempts));
    }

    /// <summary>The engine's call is cancelled; it hears of it a moment later.</summary>
    private void GiveUp(RequestOutcome outcome)
    {
        if (outcome.Engine >= 0)
            Plan(_now + _setup.NetworkDelay, new Happening(Kind.Cancel, outcome.Engine, Number: outcome.Request.Index));
        GiveUpTarget(outcome);
        LetSecondGo(outcome, _setup.NetworkDelay);
    }

    private void Progressed(RequestOutcome outcome, int tokens)
    {
        outcome.FirstTokenAt ??= _now;
        Tell(new RequestProgressed(_now, outcome.Request.ForRouter.Id, tokens));
    }

    private void Finished(RequestOutcome outcome)
    {
        outcome.FirstTokenAt ??= _now;
        outcome.OutputTokens = outcome.Request.ForEngine.OutputTokens;
        Answered(outcome, OutcomeKind.Completed, new TokenUsage(outcome.Request.PromptTokens, outcome.CachedTokens, outcome.OutputTokens));
    }

    private void Answered(RequestOutcome outcome, OutcomeKind kind, TokenUsage? usage)
    {
        LetSecondGo(outcome, _setup.NetworkDelay);
        End(outcome, kind);
        Tell(new RequestEnded(_now, outcome.Request.ForRouter.Id, RequestEnd.Completed, usage));
    }

    /// <summary>The request goes elsewhere, behind the tokens its client has; one that cannot be gone on with is broken.</summary>
    private void Failed(RequestOutcome outcome, AttemptFailure failure)
    {
        if (SecondTakesOver(outcome, failure))
            return;
        GiveUpTarget(outcome);
        if (outcome.OutputTokens > 0 && !outcome.Request.ForRouter.CanMove)
        {
            Broke(outcome, RequestEnd.EngineBroke);
            return;
        }
        outcome.Engine = -1;
        outcome.Resumes += outcome.OutputTokens > 0 ? 1 : 0;
        Tell(new AttemptFailed(_now, outcome.Request.ForRouter.Id, failure, Reason(failure), outcome.OutputTokens));
    }

    private static string Reason(AttemptFailure failure) => failure switch
    {
        AttemptFailure.EngineBusy => "503",
        AttemptFailure.Unreachable => "connection refused",
        AttemptFailure.Stalled => "no token in time",
        _ => "connection reset",
    };

    private void Silent(RequestOutcome outcome, Happening alarm)
    {
        TimeSpan due = outcome.LastActivity + _setup.ActivityTimeout;
        if (due > _now)
        {
            Plan(due, alarm);
            return;
        }
        if (outcome.Carried is { SourceEnded: true })
        {
            StaysHere(outcome);
            return;
        }
        if (outcome.Second is { IsOut: true })
        {
            Plan(_now + _setup.NetworkDelay, new Happening(Kind.Cancel, outcome.Engine, Number: outcome.Request.Index));
            Failed(outcome, AttemptFailure.Stalled);
            return;
        }
        GiveUp(outcome);
        if (outcome.FirstTokenAt is null)
            Broke(outcome, RequestEnd.Failed);
        else
            Failed(outcome, AttemptFailure.Stalled);
    }

    private void Broke(RequestOutcome outcome, RequestEnd end)
    {
        End(outcome, OutcomeKind.Broken);
        Tell(new RequestEnded(_now, outcome.Request.ForRouter.Id, end));
    }

    private void Probe(SimulatedEngine engine, bool again)
    {
        if (again)
        {
            if (engine.Index == 0)
                _spread.Sample(_engines);   // once a round of probes
            Plan(_now + _setup.ProbeInterval, new Happening(Kind.Probe, engine.Index));
        }
        Plan(_now + _setup.ProbeDelay, engine.Has(FaultKind.Crash)
            ? new Happening(Kind.ProbeFailed, engine.Index)
            : new Happening(Kind.ProbeAnswered, engine.Index, Report: engine.Report()));
    }

    private enum Kind
    {
        Due, Leaves, Submit, Cancel, StepEnds, Wake, Progress, Finished, TooLong, Failed, Silent, Alarm, Probe, ProbeAnswered, ProbeFailed, FaultBegins,
        FaultEnds, WarmSubmit, Warmed, CutSubmit, TakenOver, StaysHere, SecondSubmit, SecondWon, SecondFailed,
    }

    /// <summary>What happens next.</summary>
    /// <param name="Kind">What.</param>
    /// <param name="Engine">Index of the engine, or of the fault.</param>
    /// <param name="Index">Index of the request.</param>
    /// <param name="Number">The attempt, the engine's life, the alarm or the carrying over it belongs to, void once another has begun; or the
    /// engine's name for the request.</param>
    /// <param name="Payload">Tokens, or an attempt's failure.</param>
    /// <param name="Report">An engine's report.</param>
    private readonly record struct Happening(
        Kind Kind, int Engine = 0, int Index = 0, long Number = 0, int Payload = 0, EngineReport? Report = null);
}
