using FleetRouter.Domain.Health;

namespace FleetRouter.Domain.Fleet;

/// <summary>Which instances are trusted with new work.</summary>
public sealed partial class Pool
{
    /// <summary>Times the estimated time to first token after which an attempt counts as stalled: estimates know nothing of others' prompts.</summary>
    private const double FirstTokenTimes = 8;

    /// <summary>Range of that time; an engine that never answered yet may have to warm up.</summary>
    private static readonly TimeSpan LeastFirstToken = TimeSpan.FromSeconds(10), LeastVeryFirstToken = TimeSpan.FromMinutes(1),
        MostFirstToken = TimeSpan.FromMinutes(10);

    /// <summary>A request waits so long for a probe to find one of the instances well when all are in doubt: within a second it has its answer.</summary>
    private static readonly TimeSpan LongestDoubt = TimeSpan.FromMilliseconds(700);

    /// <summary>Something went wrong on the instance: it has no new work until its probes say otherwise, and if this is not the first time
    /// for longer.</summary>
    /// <param name="instance">The instance.</param>
    /// <param name="work">Whose attempt failed; null if a probe did.</param>
    /// <param name="reason">What happened.</param>
    /// <param name="effects">What is to be done.</param>
    private void Doubt(Instance instance, InFlight? work, string reason, List<PoolEffect> effects)
    {
        bool isFirst = instance.State == InstanceState.Ready;
        if (isFirst)
        {
            // What was sent before it was readmitted belongs to what it was out for.
            bool isNews = work is null || instance.Health.IsSince(work.DispatchedAt);
            if (isNews)
                instance.Health.Failed(_now);
            if (isNews && Outliers.Failing(instance, _roster.All, _now) is { } outlier)
                Eject(instance, $"{outlier}; the last: {reason}", effects);
            else
                Suspect(instance, reason, effects);
        }
        if (work is null)
            return;
        // Once: what else breaks there later, one after the other, would put off the answer of all who wait.
        if (isFirst && instance.Health.Probation == TimeSpan.Zero)
            WakeFor(instance, instance.DoubtedUntil = _now + LongestDoubt);
        ProbeSoon(instance, effects);
    }

    private void Eject(Instance instance, string why, List<PoolEffect> effects)
    {
        instance.Health.Eject(_now);
        TimeSpan time = instance.Health.Probation;
        Suspect(instance, $"ejected until it has answered its probes for {time.TotalSeconds:0.#} s on end: {why}", effects);
        effects.Add(new InstanceEjected(instance.Id, time, why));
    }

    private void Suspect(Instance instance, string reason, List<PoolEffect> effects)
    {
        instance.Health.Missed();
        _roster.Suspect(instance, reason, _now, effects);
        ReadmitNeeded(effects);
    }

    private void EjectIfSlow(Instance instance, List<PoolEffect> effects)
    {
        if (instance.State == InstanceState.Ready && Outliers.Slow(instance, _roster.All, _options, _now) is { } why
            && Outliers.MayKeepOut(instance, _roster.All, _options.MaxEjectedShare, _now))
            Eject(instance, why, effects);
    }

    /// <summary>It does not answer, or is a new process. Shares of attempts do not tell an engine that crashes in a loop: of hundreds of them the crash
    /// is one. That one starts that is not in use, or was drained first, says nothing of it.</summary>
    private void Fell(Instance instance, List<PoolEffect> effects)
    {
        if (instance.State is InstanceState.Ready or InstanceState.Suspect && instance.Health.Fell(_now)
            && instance.Health.Probation == TimeSpan.Zero && Outliers.Falling(instance, _roster.All, _now) is { } why
            && (instance.State == InstanceState.Suspect || Outliers.MayKeepOut(instance, _roster.All, _options.MaxEjectedShare, _now)))
            Eject(instance, why, effects);
    }

    /// <summary>Those that are kept out though they answer their probes, where too few others are left.</summary>
    private void ReadmitNeeded(List<PoolEffect> effects)
    {
        if (_roster.ReadmitNeeded(_options.MaxEjectedShare, _now, effects))
            ReleaseHeld(effects);
    }

    /// <summary>A request waited in vain for its next token: that tells of the instance only if it gave nobody else one meanwhile.</summary>
    private void Stall(Instance instance, InFlight work, string reason, List<PoolEffect> effects)
    {
        if (work.PrefillDone && instance.State == InstanceState.Ready && instance.Health.IsSince(work.DispatchedAt))
            instance.Stall.GaveUp(_now);
        // By half: of tokens the pool hears in reports.
        if (instance.LastTokenAt is not { } last || _now - last >= (work.PrefillDone ? work.Patience.NextToken : work.Patience.FirstToken) / 2)
            Doubt(instance, work, reason, effects);
        else
            ProbeSoon(instance, effects);
    }

    private void Succeed(Instance instance, InFlight work)
    {
        instance.Health.Succeeded(_now);
        if (!work.PrefillDone)
            GotOn(instance, work);
    }

    private void GotOn(Instance instance, InFlight work)
    {
        if (instance.Health.IsSince(work.DispatchedAt))
            instance.Health.Served(_options.MaxRequestsPerInstance);
    }

    /// <summary>Of an instance whose line has the request already.</summary>
    private TimeSpan FirstTokenAfter(Instance instance)
    {
        double seconds = FirstTokenTimes * instance.Line.Seconds(_now);
        TimeSpan least = instance.LastTokenAt is null ? LeastVeryFirstToken : LeastFirstToken;
        return seconds < least.TotalSeconds ? least : seconds > MostFirstToken.TotalSeconds ? MostFirstToken : TimeSpan.FromSeconds(seconds);
    }
}
