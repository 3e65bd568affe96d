using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Engine;

namespace FleetRouter.Simulation.Fleet;

/// <summary>Carrying an answer over while it streams, as the gateway does: the target is asked for one token behind the prompt and the answer
/// so far; when it has given it, the answer is cut and the target asked for the rest; from the cut on the source's tokens are kept
/// back, and delivered if the target fails after all; the source is told to stop at the target's first token.</summary>
public sealed partial class FleetSimulation
{
    private long _carryings;

    /// <summary>By the engine's name for the request that warms the target: the request's own and as much more as there are requests.</summary>
    private long WarmId(RequestOutcome outcome) => outcome.Request.Index + (long)_outcomes.Length;

    private bool Carries(Happening next) => _outcomes[next.Index].Carried is { } carried && carried.Number == next.Number;

    private void CarryOver(RequestOutcome outcome, SimulatedEngine target)
    {
        outcome.Carried = new CarryingOver(++_carryings, target.Index)
        {
            Warming = outcome.Request.ForEngine.From(outcome.OutputTokens, WarmId(outcome), 1),
        };
        Toward(Kind.WarmSubmit, outcome, target);
        // A target that never answers must not keep the request from being carried elsewhere.
        Plan(_now + _setup.ActivityTimeout, new Happening(Kind.StaysHere, target.Index, outcome.Request.Index, outcome.Carried.Number));
    }

    private void Toward(Kind kind, RequestOutcome outcome, SimulatedEngine target) =>
        Plan(_now + _setup.NetworkDelay, new Happening(kind, target.Index, outcome.Request.Index, outcome.Carried!.Number));

    private void WarmSubmit(RequestOutcome outcome, SimulatedEngine target) => SubmitOrStay(outcome, target, outcome.Carried!.Warming);

    private void CutSubmit(RequestOutcome outcome, SimulatedEngine target) =>
        SubmitOrStay(outcome, target, outcome.Request.ForEngine.From(outcome.Carried!.CutAt!.Value, outcome.Request.Index));

    private void SubmitOrStay(RequestOutcome outcome, SimulatedEngine target, EngineRequest request)
    {
        if (target.Has(FaultKind.Crash) || target.Has(FaultKind.Shed) || target.Model.Submit(request, _now) != Admission.Accepted)
            Toward(Kind.StaysHere, outcome, target);
        else
            Pump(target);
    }

    /// <summary>The target has it all in its cache. Tokens on their way from the source belong before the cut.</summary>
    private void Cut(RequestOutcome outcome, SimulatedEngine target)
    {
        if (outcome.OutputTokens >= outcome.Request.ForEngine.OutputTokens)
            return;   // the end is on its way
        CarryingOver carried = outcome.Carried!;
        (carried.CutAt, carried.SourceTokens, carried.CutWhen) = (outcome.OutputTokens, outcome.OutputTokens, _now);
        Toward(Kind.CutSubmit, outcome, target);
        Plan(_now + Migrate.LongestPause, new Happening(Kind.StaysHere, target.Index, outcome.Request.Index, carried.Number));
    }

    /// <summary>Takes what an engine did for a request that is being carried over; false if it concerns the answer itself.</summary>
    private bool CarriesOn(RequestOutcome outcome, SimulatedEngine engine, in EngineEvent e)
    {
        if (e.Request.Id >= _outcomes.Length)
        {
            if (e.Kind == EngineEventKind.Finished && outcome.Carried is { CutAt: null } warmed && warmed.Target == engine.Index)
                Toward(Kind.Warmed, outcome, engine);
            return true;
        }
        if (outcome.Carried is not { CutAt: { } cut } carried)
            return false;
        if (engine.Index == carried.Target && e.Kind == EngineEventKind.FirstToken)
        {
            Plan(_now + 2 * _setup.NetworkDelay, new Happening(Kind.Cancel, outcome.Engine, Number: outcome.Request.Index));
            (outcome.Carried, outcome.Engine, outcome.AttemptStart, outcome.Asked) = (null, engine.Index, cut, e.Request);
            outcome.Attempts++;
            outcome.Migrations++;
            outcome.MovedTokens += outcome.Request.PromptTokens + cut;
            TimeSpan seam = _now + _setup.NetworkDelay - carried.CutWhen;
            outcome.LongestSeam = seam > outcome.LongestSeam ? seam : outcome.LongestSeam;
            Watch(outcome);
            Answer(Kind.TakenOver, engine, outcome.Request.Index, cut);
            return false;
        }
        if (outcome.Asked != e.Request)
            return true;
        outcome.LastActivity = _now + _setup.NetworkDelay;
        if (e.Kind is EngineEventKind.FirstToken or EngineEventKind.Token)
            carried.SourceTokens = outcome.AttemptStart + e.OutputTokens;
        carried.SourceEnded |= e.Kind == EngineEventKind.Finished;
        return true;
    }

    /// <summary>The pool hears that the answer goes on at the target, whose first token is counted by itself.</summary>
    private void TakenOver(RequestOutcome outcome, int cut) => Tell(new MigrationEnded(_now, outcome.Request.ForRouter.Id, cut));

    /// <summary>The target failed, or did not answer in time: the source's tokens since the cut are delivered.</summary>
    private void StaysHere(RequestOutcome outcome)
    {
        bool ended = outcome.Carried!.SourceEnded;
        GiveUpTarget(outcome);
        if (ended)
            Finished(outcome);
        else
            Tell(new MigrationEnded(_now, outcome.Request.ForRouter.Id, outcome.OutputTokens, "the target did not answer"));
    }

    /// <summary>Whatever the target does for the request is given up.</summary>
    private void GiveUpTarget(RequestOutcome outcome)
    {
        if (outcome.Carried is not { } carried)
            return;
        outcome.Carried = null;
        Plan(_now + _setup.NetworkDelay, new Happening(Kind.Cancel, carried.Target, Number: WarmId(outcome)));
        Plan(_now + _setup.NetworkDelay, new Happening(Kind.Cancel, carried.Target, Number: outcome.Request.Index));
        if (carried.SourceTokens > outcome.OutputTokens)
            Got(outcome, carried.SourceTokens);
    }

    /// <summary>Tokens are on their way to the client.</summary>
    private void Got(RequestOutcome outcome, int tokens)
    {
        TimeSpan at = _now + _setup.NetworkDelay;
        if (outcome.LastTokenAt is { } last && at - last > outcome.LongestGap)
            outcome.LongestGap = at - last;
        (outcome.LastTokenAt, outcome.OutputTokens) = (at, tokens);
    }
}

/// <summary>A request on its way from one engine to another.</summary>
/// <param name="number">Tells it from others of the same request.</param>
/// <param name="target">Index of the engine it goes to.</param>
internal sealed class CarryingOver(long number, int target)
{
    public long Number { get; } = number;

    public int Target { get; } = target;

    /// <summary>What warms the target.</summary>
    public required EngineRequest Warming { get; init; }

    /// <summary>Tokens the client had when the answer was cut; null before.</summary>
    public int? CutAt { get; set; }

    /// <summary>When it was cut.</summary>
    public TimeSpan CutWhen { get; set; }

    /// <summary>Tokens the source has made by now, those kept back included.</summary>
    public int SourceTokens { get; set; }

    /// <summary>Whether the source has come to the answer's end meanwhile.</summary>
    public bool SourceEnded { get; set; }
}
