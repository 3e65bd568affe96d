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
public sealed class FleetSimulation
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
    private TimeSpan _now, _lastEnd;
    private TimeSpan? _nextDue;
    private long _alarm;
    private int _open;

    private FleetSimulation(PreparedWorkload workload, FleetSetup setup, double pace, Pool pool, Action<PoolEvent, IReadOnlyList<PoolEffect>>? observe)
    {
        (_workload, _setup, _pool, _observe) = (workload, setup, pool, observe);
        _schedule = new RequestSchedule(workload.StartsAt(pace));
        _engines = [.. setup.Engines.Select((profile, i) => new SimulatedEngine(i, profile, setup.Limits))];
        foreach (SimulatedEngine engine in _engines)
            _engineOf.Add(engine.Id, engine);
        _outcomes = [.. workload.All.Select(request => new RequestOutcome(request))];
        foreach (RequestOutcome outcome in _outcomes)
            _outcomeOf.Add(outcome.Request.ForRouter.Id, outcome);
        _due = new DueRequest[_outcomes.Length];
    }

    /// <summary>Runs a workload to its end.</summary>
    /// <param name="workload">What is asked.</param>
    /// <param name="setup">Of which fleet.</param>
    /// <param name="pace">Session starts are divided by it, pauses within a session are not.</param>
    /// <param name="observe">Told every event the pool handled and its effects; the list is used again afterwards.</param>
    /// <exception cref="ArgumentException">The setup names an unknown policy, or an engine limit below 1.</exception>
    public static FleetRun Run(
        PreparedWorkload workload, FleetSetup setup, double pace = 1, Action<PoolEvent, IReadOnlyList<PoolEffect>>? observe = null) =>
        new FleetSimulation(workload, setup, pace, new Pool(setup.Pool), observe).Run();

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
        while (_open + _schedule.Remaining > 0 && _queue.TryTake(out _now, out Happening next))
        {
            handled++;
            Handle(next);
        }
        return new FleetRun(_outcomes, [.. _engines.Select(e => e.Model.Counters)], _lastEnd, handled, _spread.Mean,
            _pool.Describe().Instances.Sum(i => i.Leases));
    }

    private void Handle(Happening next)
    {
        switch (next.Kind)
        {
            case Kind.Due: _nextDue = null; Offer(); break;
            case Kind.Submit: Submit(_outcomes[next.Index], _engines[next.Engine], next.Number); break;
            case Kind.Cancel: Cancel(_outcomes[next.Index], _engines[next.Engine]); break;
            case Kind.StepEnds when _engines[next.Engine].Life == next.Number: StepEnds(_engines[next.Engine]); break;
            case Kind.Wake when _engines[next.Engine] is var e && e.Life == next.Number && e.WakesAt == _now: e.WakesAt = null; Pump(e); break;
            case Kind.Progress when Current(next): Progressed(_outcomes[next.Index], next.Payload); break;
            case Kind.Finished when Current(next): Finished(_outcomes[next.Index]); break;
            case Kind.Failed when Current(next): Failed(_outcomes[next.Index], (AttemptFailure)next.Payload); break;
            case Kind.Broke when Current(next): Broke(_outcomes[next.Index]); break;
            case Kind.Alarm when next.Number == _alarm: Tell(new AlarmRang(_now)); break;
            case Kind.Probe: Probe(_engines[next.Engine], again: next.Payload == 0); break;
            case Kind.ProbeAnswered: Tell(new InstanceProbed(_now, _engines[next.Engine].Id, next.Report!)); break;
            case Kind.ProbeFailed: Tell(new ProbeFailed(_now, _engines[next.Engine].Id, "no answer")); break;
            case Kind.FaultBegins: FaultBegins(_setup.Faults[next.Engine]); break;
            case Kind.FaultEnds: FaultEnds(_setup.Faults[next.Engine]); break;
        }
    }

    private bool Current(Happening next) => _outcomes[next.Index] is var outcome && outcome.Attempts == next.Number && outcome.EndedAt is null;

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
            Tell(new RequestArrived(_now, outcome.Request.ForRouter));
        }
        PlanNextDue();
    }

    /// <summary>The client has its answer, or a refusal; either way its session goes on.</summary>
    private void End(RequestOutcome outcome, OutcomeKind kind)
    {
        (outcome.Kind, outcome.EndedAt) = (kind, _now);
        _lastEnd = _now;
        _open--;
        _schedule.Ended(_due[outcome.Request.Index], outcome.OfferedAt!.Value, _now);
        PlanNextDue();
    }

    // The gateway.

    private void Tell(PoolEvent happened)
    {
        _effects.Clear();
        _pool.Handle(happened, _effects);
        _observe?.Invoke(happened, _effects);
        List<RequestOutcome>? refused = null;
        foreach (PoolEffect effect in _effects)
        {
            switch (effect)
            {
                case Dispatch e: Send(_outcomeOf[e.RequestId], _engineOf[e.Instance]); break;
                case Move e: Redirect(_outcomeOf[e.RequestId], _engineOf[e.From], _engineOf[e.To]); break;
                case Refuse e: (refused ??= []).Add(_outcomeOf[e.RequestId]); break;
                case WakeAt e: Plan(e.At > _now ? e.At : _now, new Happening(Kind.Alarm, Number: ++_alarm)); break;
                case ProbeNow e: Plan(_now, new Happening(Kind.Probe, _engineOf[e.Instance].Index, Payload: 1)); break;
            }
        }
        // A refusal may make the next turn due, hence the pool hear another event: only when its effects are carried out.
        foreach (RequestOutcome outcome in refused ?? [])
            End(outcome, OutcomeKind.Refused);
    }

    private void Send(RequestOutcome outcome, SimulatedEngine engine)
    {
        outcome.Attempts++;
        outcome.Engine = engine.Index;
        outcome.OutputTokens = 0;
        Plan(_now + _setup.NetworkDelay, new Happening(Kind.Submit, engine.Index, outcome.Request.Index, outcome.Attempts));
    }

    private void Redirect(RequestOutcome outcome, SimulatedEngine from, SimulatedEngine to)
    {
        Plan(_now + _setup.NetworkDelay, new Happening(Kind.Cancel, from.Index, outcome.Request.Index));
        Send(outcome, to);
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
        End(outcome, OutcomeKind.Completed);
        var usage = new TokenUsage(outcome.Request.PromptTokens, outcome.CachedTokens, outcome.OutputTokens);
        Tell(new RequestEnded(_now, outcome.Request.ForRouter.Id, RequestEnd.Completed, usage));
    }

    private void Failed(RequestOutcome outcome, AttemptFailure failure) =>
        Tell(new AttemptFailed(_now, outcome.Request.ForRouter.Id, failure, failure == AttemptFailure.EngineBusy ? "503" : "connection refused"));

    private void Broke(RequestOutcome outcome)
    {
        End(outcome, OutcomeKind.Broken);
        Tell(new RequestEnded(_now, outcome.Request.ForRouter.Id, RequestEnd.EngineBroke));
    }

    private void Probe(SimulatedEngine engine, bool again)
    {
        if (again)
        {
            _spread.Sample(_engines, engine.Index);
            Plan(_now + _setup.ProbeInterval, new Happening(Kind.Probe, engine.Index));
        }
        Plan(_now + _setup.ProbeDelay, engine.Has(FaultKind.Crash)
            ? new Happening(Kind.ProbeFailed, engine.Index)
            : new Happening(Kind.ProbeAnswered, engine.Index, Report: engine.Report()));
    }

    // The engines.

    private void Submit(RequestOutcome outcome, SimulatedEngine engine, long attempt)
    {
        if (outcome.Attempts != attempt || outcome.EndedAt is not null)
            return;
        bool shed = engine.Has(FaultKind.Shed);
        if (shed || engine.Has(FaultKind.Crash) || engine.Model.Submit(outcome.Request.ForEngine, _now) != Admission.Accepted)
        {
            AttemptFailure failure = engine.Has(FaultKind.Crash) ? AttemptFailure.Unreachable : AttemptFailure.EngineBusy;
            Plan(_now + _setup.NetworkDelay, new Happening(Kind.Failed, engine.Index, outcome.Request.Index, attempt, (int)failure));
            return;
        }
        Pump(engine);
    }

    private void Cancel(RequestOutcome outcome, SimulatedEngine engine)
    {
        if (engine.Model.Abort(outcome.Request.Index))
            Pump(engine);
    }

    /// <summary>Begins a step, unless one runs or there is nothing to do yet.</summary>
    private void Pump(SimulatedEngine engine)
    {
        if (engine.InStep || engine.Has(FaultKind.Stall))
            return;
        StepPlan plan = engine.Model.BeginStep(_now);
        if (!plan.IsIdle)
        {
            engine.InStep = true;
            Plan(_now + plan.Duration, new Happening(Kind.StepEnds, engine.Index, Number: engine.Life));
        }
        else if (plan.WakeAt is { } at && (engine.WakesAt is null || at < engine.WakesAt))
        {
            engine.WakesAt = at;
            Plan(at, new Happening(Kind.Wake, engine.Index, Number: engine.Life));
        }
    }

    private void StepEnds(SimulatedEngine engine)
    {
        engine.InStep = false;
        _engineEvents.Clear();
        engine.Model.CompleteStep(_now, _engineEvents);
        foreach (EngineEvent e in _engineEvents)
        {
            int index = (int)e.Request.Id;
            if (_outcomes[index].Engine != engine.Index)
                continue;   // it was moved elsewhere, and word of that is still on its way
            switch (e.Kind)
            {
                case EngineEventKind.FirstToken:
                    _outcomes[index].CachedTokens = e.Times.CachedTokens;
                    Answer(Kind.Progress, engine, index, 1);
                    break;
                case EngineEventKind.Token when e.OutputTokens % ReportEvery == 1:
                    Answer(Kind.Progress, engine, index, e.OutputTokens);
                    break;
                case EngineEventKind.Finished:
                    _outcomes[index].CachedTokens = e.Times.CachedTokens;
                    Answer(Kind.Finished, engine, index, 0);
                    break;
            }
        }
        Pump(engine);
    }

    private void Answer(Kind kind, SimulatedEngine engine, int index, int tokens) =>
        Plan(_now + _setup.NetworkDelay, new Happening(kind, engine.Index, index, _outcomes[index].Attempts, tokens));

    private void FaultBegins(EngineFault fault)
    {
        SimulatedEngine engine = _engines[fault.Engine];
        engine.Begin(fault.Kind);
        if (fault.Kind == FaultKind.Leave)
            Tell(new InstanceLeft(_now, engine.Id));
        if (fault.Kind != FaultKind.Crash)
            return;
        engine.Die();
        foreach (RequestOutcome outcome in _outcomes)
        {
            if (outcome.Engine != engine.Index || outcome.OfferedAt is null || outcome.EndedAt is not null)
                continue;
            Kind end = outcome.FirstTokenAt is null ? Kind.Failed : Kind.Broke;
            Plan(_now + _setup.NetworkDelay, new Happening(end, engine.Index, outcome.Request.Index, outcome.Attempts, (int)AttemptFailure.Unreachable));
        }
    }

    private void FaultEnds(EngineFault fault)
    {
        SimulatedEngine engine = _engines[fault.Engine];
        engine.End(fault.Kind);
        if (fault.Kind == FaultKind.Leave)
            Tell(new InstanceJoined(_now, engine.Id));
        Pump(engine);
    }

    private enum Kind
    {
        Due, Submit, Cancel, StepEnds, Wake, Progress, Finished, Failed, Broke, Alarm, Probe, ProbeAnswered, ProbeFailed, FaultBegins, FaultEnds,
    }

    /// <summary>What happens next.</summary>
    /// <param name="Kind">What.</param>
    /// <param name="Engine">Index of the engine, or of the fault.</param>
    /// <param name="Index">Index of the request.</param>
    /// <param name="Number">The attempt, the engine's life or the alarm it belongs to; void once another has begun.</param>
    /// <param name="Payload">Tokens, or an attempt's failure.</param>
    /// <param name="Report">An engine's report.</param>
    private readonly record struct Happening(
        Kind Kind, int Engine = 0, int Index = 0, long Number = 0, int Payload = 0, EngineReport? Report = null);
}
