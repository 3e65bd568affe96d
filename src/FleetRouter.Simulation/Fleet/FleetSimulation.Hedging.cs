using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Engine;

namespace FleetRouter.Simulation.Fleet;

/// <summary>Asking a second engine for a first token that is late, as the gateway does it: whichever has one first answers, the other is
/// told to stop.</summary>
public sealed partial class FleetSimulation
{
    private void AskTwice(RequestOutcome outcome, SimulatedEngine target)
    {
        if (outcome.OutputTokens > 0)
            return;   // its first token is on its way to the gateway
        outcome.Second = new SecondAttempt(target.Index, outcome.Request.ForEngine.From(0, outcome.Request.Index));
        Plan(_now + _setup.NetworkDelay, new Happening(Kind.SecondSubmit, target.Index, outcome.Request.Index));
    }

    private void SecondSubmit(RequestOutcome outcome, SimulatedEngine target)
    {
        SecondAttempt second = outcome.Second!;
        if (outcome.EndedAt is not null || !second.IsOut && outcome.Asked != second.Asked)
            return;
        AttemptFailure? failure = Admit(target, second.Asked, out bool isTooLong);
        if (failure is not null || isTooLong)
            Plan(_now + _setup.NetworkDelay, new Happening(Kind.SecondFailed, target.Index, outcome.Request.Index, Payload: (int)(failure ?? AttemptFailure.Broke)));
        else
            Pump(target);
    }

    /// <summary>Where the second is the first to have a token, it is the attempt from then on.</summary>
    private void Overtake(RequestOutcome outcome, SimulatedEngine engine, in EngineEvent e)
    {
        if (outcome.Second is not { IsOut: true } second || second.Asked != e.Request || outcome.EndedAt is not null)
            return;
        Plan(_now + 2 * _setup.NetworkDelay, new Happening(Kind.Cancel, outcome.Engine, Number: outcome.Request.Index));
        Succeed(outcome, second);
        Answer(Kind.SecondWon, engine, outcome.Request.Index, 0);
    }

    private void Succeed(RequestOutcome outcome, SecondAttempt second)
    {
        (second.IsOut, second.HasWon) = (false, true);
        outcome.Attempts++;
        (outcome.Engine, outcome.Asked) = (second.Target, second.Asked);
        Watch(outcome);
    }

    private void SecondFailed(RequestOutcome outcome, AttemptFailure failure)
    {
        SecondAttempt second = outcome.Second!;
        if (second.IsOut)
        {
            second.IsOut = false;
            Tell(new HedgeEnded(_now, outcome.Request.ForRouter.Id, HedgeEnd.SecondFailed, failure, Reason(failure)));
        }
        else if (outcome.EndedAt is null && outcome.Engine == second.Target && outcome.Asked == second.Asked)
            Failed(outcome, failure);   // the first has failed meanwhile
    }

    /// <summary>Whether a second attempt was under way, which is the request's attempt now that the first has failed.</summary>
    private bool SecondTakesOver(RequestOutcome outcome, AttemptFailure failure)
    {
        if (outcome.Second is not { IsOut: true } second)
            return false;
        Succeed(outcome, second);
        Tell(new HedgeEnded(_now, outcome.Request.ForRouter.Id, HedgeEnd.FirstFailed, failure, Reason(failure)));
        return true;
    }

    /// <summary>The second attempt is given up; its engine hears of it after so long.</summary>
    private void LetSecondGo(RequestOutcome outcome, TimeSpan after)
    {
        if (outcome.Second is not { IsOut: true } second)
            return;
        second.IsOut = false;
        Plan(_now + after, new Happening(Kind.Cancel, second.Target, Number: outcome.Request.Index));
    }
}

/// <summary>A request's attempt on a second engine.</summary>
/// <param name="target">Index of the engine.</param>
/// <param name="asked">What it is asked for.</param>
internal sealed class SecondAttempt(int target, EngineRequest asked)
{
    public int Target { get; } = target;

    public EngineRequest Asked { get; } = asked;

    /// <summary>Whether both attempts are under way.</summary>
    public bool IsOut { get; set; } = true;

    /// <summary>Whether it became the request's attempt.</summary>
    public bool HasWon { get; set; }
}
