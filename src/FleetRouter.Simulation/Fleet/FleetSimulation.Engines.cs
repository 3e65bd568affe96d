using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Engine;

namespace FleetRouter.Simulation.Fleet;

/// <summary>The engines' side.</summary>
public sealed partial class FleetSimulation
{
    private void Submit(RequestOutcome outcome, SimulatedEngine engine, long attempt)
    {
        engine.OnTheWay.Remove(outcome.Request);
        if (outcome.Attempts != attempt || outcome.EndedAt is not null)
            return;
        if (Admit(engine, outcome.Asked = RestOf(outcome), out bool isTooLong) is { } failure)
            Answer(Kind.Failed, engine, outcome.Request.Index, (int)failure);
        else if (isTooLong)
            Answer(Kind.TooLong, engine, outcome.Request.Index, 0);
        else
            Pump(engine);
    }

    /// <summary>Gives an engine a request; answers why it does not take it, unless that is the request's own fault.</summary>
    private AttemptFailure? Admit(SimulatedEngine engine, EngineRequest request, out bool isTooLong)
    {
        isTooLong = false;
        if (engine.Has(FaultKind.Crash))
            return AttemptFailure.Unreachable;
        if (engine.Has(FaultKind.Shed))
            return AttemptFailure.EngineBusy;
        Admission admission = engine.Model.Submit(request, _now);
        isTooLong = admission == Admission.TooLong;
        return isTooLong || admission == Admission.Accepted ? null : AttemptFailure.EngineBusy;
    }

    private static EngineRequest RestOf(RequestOutcome outcome) => outcome.OutputTokens == 0
        ? outcome.Request.ForEngine
        : outcome.Request.ForEngine.From(outcome.OutputTokens, outcome.Request.Index);

    private void Cancel(SimulatedEngine engine, long id)
    {
        if (engine.Model.Abort(id))
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
            engine.StepEndsAt = _now + plan.Duration;
            Plan(engine.StepEndsAt, new Happening(Kind.StepEnds, engine.Index, Number: engine.Life));
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
            int index = (int)(e.Request.Id % _outcomes.Length);
            RequestOutcome outcome = _outcomes[index];
            Overtake(outcome, engine, e);
            if (CarriesOn(outcome, engine, e) || outcome.Asked != e.Request || outcome.EndedAt is not null)
                continue;   // moved on; the cancellation is still under way
            outcome.LastActivity = _now + _setup.NetworkDelay;
            if (e.Kind is EngineEventKind.FirstToken or EngineEventKind.Token)
                Got(outcome, outcome.AttemptStart + e.OutputTokens);
            switch (e.Kind)
            {
                case EngineEventKind.FirstToken:
                    LetSecondGo(outcome, 2 * _setup.NetworkDelay);
                    outcome.CachedTokens = outcome.AttemptStart == 0 ? e.Times.CachedTokens : outcome.CachedTokens;
                    Answer(Kind.Progress, engine, index, 1);
                    break;
                case EngineEventKind.Token when e.OutputTokens % ReportEvery == 1:
                    Answer(Kind.Progress, engine, index, e.OutputTokens);
                    break;
                case EngineEventKind.Finished:
                    outcome.CachedTokens = outcome.AttemptStart == 0 ? e.Times.CachedTokens : outcome.CachedTokens;
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
        if (!engine.Begin(fault.Kind))
            return;
        if (fault.Kind == FaultKind.Leave)
            Tell(new InstanceLeft(_now, engine.Id));
        if (fault.Kind == FaultKind.Drain)
            Tell(new DrainOrdered(_now, engine.Id, true));
        if (fault.Kind != FaultKind.Crash)
            return;
        EngineModel dying = engine.Model;
        engine.Die();
        foreach (RequestOutcome outcome in _outcomes)
            if (outcome.Engine == engine.Index && outcome.EndedAt is null && dying.Abort(outcome.Request.Index))
                Answer(Kind.Failed, engine, outcome.Request.Index,
                    (int)(outcome.OutputTokens > outcome.AttemptStart ? AttemptFailure.Broke : AttemptFailure.Unreachable));
            else if (outcome.Second is { IsOut: true } second && second.Target == engine.Index && dying.Abort(outcome.Request.Index))
                Plan(_now + _setup.NetworkDelay, new Happening(Kind.SecondFailed, engine.Index, outcome.Request.Index, Payload: (int)AttemptFailure.Unreachable));
            else if (outcome.Carried is { } carried && carried.Target == engine.Index)
                Plan(_now + _setup.NetworkDelay, new Happening(Kind.StaysHere, engine.Index, outcome.Request.Index, carried.Number));
    }

    private void FaultEnds(EngineFault fault)
    {
        SimulatedEngine engine = _engines[fault.Engine];
        if (!engine.End(fault.Kind))
            return;
        if (fault.Kind == FaultKind.Leave)
            Tell(new InstanceJoined(_now, engine.Id));
        if (fault.Kind == FaultKind.Drain)
            Tell(new DrainOrdered(_now, engine.Id, false));
        Pump(engine);
    }
}
