using FleetRouter.Domain.Admission;

namespace FleetRouter.Domain.Fleet;

/// <summary>What goes wrong with a dispatched request: it goes elsewhere, from where its client has the answer.</summary>
public sealed partial class Pool
{
    /// <summary>Times an answer goes on elsewhere: one that breaks whatever engine it is on must not go round the fleet.</summary>
    private const int MostResumes = 16;

    private void Fail(AttemptFailed e, List<PoolEffect> effects)
    {
        if (!_inFlight.TryGetValue(e.RequestId, out InFlight? work) || work.Instance is not { } instance)
            return;
        Instance? second = work.Second?.Instance;
        work.EndLease(_now);
        bool gotOn = e.EmittedTokens > work.Emitted;
        if (gotOn)
        {
            work.Failed = null;   // what it found out of reach before says nothing of now
            work.ResumeAt(e.EmittedTokens, _now);
        }
        Blame(instance, work, work, e.Failure, e.Reason, effects);
        work.Fruitless = gotOn ? 1 : work.Fruitless + 1;
        if (work.Fruitless > _options.MaxAttempts || work.Resumes > MostResumes)
            Refuse(work, Exhausted(work, e), [], effects);
        else if (work.Emitted == 0 && !_retries.TryTake(_options.RetryBudget, _inFlight.Count, _now))
            Refuse(work, OverBudget(e), [], effects);
        else
        {
            work.Attempt++;
            Place(work, effects);
        }
        Disappoint(instance, effects);
        if (second is not null)
            Offer(second, effects);
        ReleaseHeld(effects);
    }

    /// <summary>What the failure of an attempt says of its instance.</summary>
    /// <param name="instance">The instance.</param>
    /// <param name="failed">The attempt.</param>
    /// <param name="left">The request as it goes on: it is not tried there again.</param>
    /// <param name="failure">What failed.</param>
    /// <param name="reason">The same in words.</param>
    /// <param name="effects">What is to be done.</param>
    private void Blame(Instance instance, InFlight failed, InFlight left, AttemptFailure failure, string reason, List<PoolEffect> effects)
    {
        if (failure.RulesOut(left.Emitted))
            (left.Failed ??= []).Add(instance);
        if (failure == AttemptFailure.EngineBusy)
        {
            instance.BusyUntil = _now + BusyRest;
            WakeFor(instance, instance.BusyUntil);
            return;
        }
        if (failure == AttemptFailure.Stalled)
            Stall(instance, failed, reason, effects);
        else
            Doubt(instance, failed, reason, effects);
    }

    private Refusal Exhausted(InFlight work, AttemptFailed last) => last.Failure == AttemptFailure.EngineBusy
        ? Busy("engines-busy", $"{work.Fruitless - 1} instances in turn were busy")
        : new Refusal(RefusalKind.Broken, "attempts-exhausted", work.Resumes > MostResumes
            ? $"the answer broke {work.Resumes} times, the last: {last.Reason}"
            : $"{work.Fruitless - 1} instances in turn could not be reached, the last: {last.Reason}", BusyRest);

    private Refusal OverBudget(AttemptFailed last)
    {
        string what = $"more attempts fail than {_options.RetryBudget:0.##%} of the requests (option retryBudget), the last: {last.Reason}";
        return last.Failure == AttemptFailure.EngineBusy
            ? Busy("retry-budget", what)
            : new Refusal(RefusalKind.Broken, "retry-budget", $"pool {_options.Name} is failing: {what}", BusyRest);
    }

    private static void ProbeSoon(Instance instance, List<PoolEffect> effects)
    {
        if (instance.State != InstanceState.Gone)
            effects.Add(new ProbeNow(instance.Id));
    }

    /// <summary>Why there is nothing to wait for; null while an instance is left that could take the request, or is worth waiting for.</summary>
    private Refusal? NowhereToGo(InFlight work)
    {
        string model = work.Request.Model;
        Instance[] ready = _roster.Ready(model).Instances;
        if (work.Emitted > 0)
            return null;   // half an answer is worth the wait for an instance to come back
        if (ready.Length == 0 && _roster.IsAnyDoubted(model, _now))
            return null;
        if (ready.Length == 0)
            return new Refusal(RefusalKind.Broken, "no-instance", $"no instance of pool {_options.Name} that serves {model} can be reached", BusyRest);
        if (work.Failed is not { } failed || !Array.TrueForAll(ready, failed.Contains))
            return null;
        return new Refusal(RefusalKind.Broken, "attempts-exhausted",
            $"every instance of pool {_options.Name} that serves {model} was tried and could not be reached", BusyRest);
    }

    private void Drain(Instance instance, DrainOrdered order, List<PoolEffect> effects)
    {
        instance.DrainsWithin = order.Within;
        _roster.Drain(instance, order.Drains, _now, effects);
        ReadmitNeeded(effects);
        if (instance.State == InstanceState.Joined)
            ProbeSoon(instance, effects);
        Disappoint(instance, effects);
        Empty(instance, effects);
        ReleaseHeld(effects);
    }
}
