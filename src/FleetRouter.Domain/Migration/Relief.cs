using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Migration;

/// <summary>A request that had better be elsewhere.</summary>
/// <param name="Work">The request as it would be there: behind the tokens its client has.</param>
/// <param name="To">Where.</param>
/// <param name="Here">Its place now.</param>
/// <param name="There">Its place then.</param>
internal readonly record struct Transfer(InFlight Work, Instance To, CandidateScore Here, CandidateScore There);

/// <summary>What relieves an instance whose engine queues, or whose batch runs out of room. Every gain is weighed against its cost, both in
/// seconds of somebody's wait.</summary>
internal static class Relief
{
    /// <summary>An instance whose batch has room for fewer steps than that is a source: two seconds of decoding at 20 ms a step, until the next
    /// round and until what it begins has come to an end. A target keeps twice as many.</summary>
    public const int OutSteps = 100, InSteps = 2 * OutSteps;

    /// <summary>By how much sooner a queued request must begin elsewhere, seconds: as much prefill is kept in line on purpose, and estimates are
    /// no better.</summary>
    private const double LeastGain = 0.5;

    /// <summary>What an answer gains by going must be so many times what it costs: the gain is a guess, which the next end may overtake, the cost is
    /// certain, and whoever comes to the target meanwhile pays of it too.</summary>
    private const double LeastGainOverCost = 2;

    /// <summary>Seconds a carried-over answer loses at the seam: a round trip, the engine's own delay and a step.</summary>
    private const double SeamSeconds = 0.05;

    /// <summary>Where a request that queues in the engine of <paramref name="from"/> would begin so much sooner that it is worth the way; null if
    /// nowhere.</summary>
    /// <param name="query">The request, and the instances that serve its model.</param>
    /// <param name="from">Where it queues.</param>
    /// <param name="secondsAhead">Prefill that goes before it there.</param>
    /// <param name="missing">Tokens of cache that must come free there before it begins.</param>
    public static Transfer? Queued(in PlacementQuery query, Instance from, double secondsAhead, double missing)
    {
        InFlight work = query.Work;
        double own = PrefillWork.Of(work.UncachedTokens, work.PromptTokens) / from.PrefillRate;
        double here = Math.Max(secondsAhead, missing > 0 ? from.SecondsToFree(missing) : 0) + own;
        Instance? to = null;
        double least = here - LeastGain;
        foreach (Instance instance in query.Ready.Instances)
        {
            if (instance == from || work.Failed?.Contains(instance) == true || instance.Claims.Count > 0 || Freeness.Waiting(instance) > 0)
                continue;
            Fit fit = query.Fit(instance);
            double there = query.Queue(instance) + fit.Own;
            if (there < least && fit.Obstacle is null && query.Saturation(instance) is null && Freeness.Room(instance, fit.KvTokens) > InSteps)
                (to, least) = (instance, there);
        }
        return to is null ? null : Found(query, from, to, CandidateRole.Queued, TimeSpan.FromSeconds(here));
    }

    /// <summary>The freest instance that takes part in no other carrying over; null if none has room to spare.</summary>
    public static Instance? Freest(ReadOnlySpan<Instance> instances)
    {
        Instance? freest = null;
        double most = InSteps;
        foreach (Instance instance in instances)
        {
            if (instance.State != InstanceState.Ready || instance.Leaving + instance.Arriving > 0 || Freeness.Waiting(instance) > 0)
                continue;
            double freeness = Freeness.Of(instance);
            if (freeness > most)
                (freest, most) = (instance, freeness);
        }
        return freest;
    }

    /// <summary>The answer on <paramref name="from"/> that is carried over most easily: of the lowest priority, among these the shortest.</summary>
    public static InFlight? Easiest(Instance from, Instance to, int mostMoves)
    {
        InFlight? easiest = null;
        foreach (InFlight work in from.Answering)
            if (work.Request.CanMove && work.Successor is null && work.Moves < mostMoves && to.Serves(work.Request.Model)
                && work.Failed?.Contains(to) != true && (easiest is null || IsEasier(work, easiest)))
                easiest = work;
        return easiest;
    }

    /// <summary>Whether an answer is carried over before another; a strict order, so that the order of the list does not matter.</summary>
    public static bool IsEasier(InFlight work, InFlight other) =>
        work.Request.Priority != other.Request.Priority ? work.Request.Priority < other.Request.Priority
        : work.SequenceTokens != other.SequenceTokens ? work.SequenceTokens < other.SequenceTokens
        : work.Order > other.Order;

    /// <summary>The answer as it would go on at <paramref name="to"/>; null where that costs more than it gains.</summary>
    /// <param name="query">The request as it would be there.</param>
    /// <param name="from">Where it runs.</param>
    /// <param name="to">Where it would go on.</param>
    public static Transfer? Answering(in PlacementQuery query, Instance from, Instance to)
    {
        Fit fit = query.Fit(to);
        if (fit.Obstacle is not null || query.Saturation(to) is not null || Freeness.With(to, fit.KvTokens) < InSteps)
            return null;
        return Gain(from, query.Work.PromptTokens) > LeastGainOverCost * Cost(query, to, fit) ? Found(query, from, to, CandidateRole.Answering, TimeSpan.Zero) : null;
    }

    /// <summary>What so many tokens, given back, are worth to those who lack room: who waits for it waits less, who would be preempted for it need
    /// not be computed again.</summary>
    public static double Gain(Instance from, int tokens)
    {
        double lacking = (OutSteps - Freeness.Of(from)) * Freeness.Batch(from);
        double given = Math.Clamp(lacking, 0, tokens);
        return from.SecondsToFree(given) * Math.Max(1, Freeness.Waiting(from)) + given / from.PrefillRate;
    }

    /// <summary>What the target computes for it, by which it slows the answers there and keeps waiting who waits for it; and the seam.</summary>
    private static double Cost(in PlacementQuery query, Instance to, in Fit fit) =>
        query.Queue(to) + fit.Own * (1 + to.Claims.Count) + to.Pace.SlowedBy(fit.Own, query.Now) * to.AllRequests + SeamSeconds;

    /// <summary>A transfer with what is to be told of it.</summary>
    public static Transfer Found(in PlacementQuery query, Instance from, Instance to, CandidateRole role, TimeSpan ttft)
    {
        InFlight work = query.Work;
        var here = new CandidateScore(from.Id, role, work.PromptTokens, 0, query.Backlog(from), from.AllRequests, ttft, null);
        return new Transfer(work, to, here, query.Score(to, CandidateRole.Scored));
    }
}
