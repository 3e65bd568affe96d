using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Placement;

/// <summary>Moves requests that still queue on an instance whose queue breaks the TTFT SLO to the other instance of their
/// pair, where they come to their first token sooner. Nothing is computed yet, so nothing is lost but the way there.</summary>
/// <remarks>DualMap's hotspot rebalancing, arXiv 2602.06502: one round, not recursive, those that gain most first, as
/// long as the gain is positive and the other instance within the SLO, until this one is. Beyond the paper a request moves
/// at most once, so that two instances never toss it to and fro.</remarks>
internal static class Rebalancing
{
    /// <summary>A request to move, and where to; its old place as the round began and its new one as it is found.</summary>
    public readonly record struct Offer(InFlight Work, Instance To, CandidateScore Here, CandidateScore There)
    {
        public TimeSpan Gain => Here.EstimatedTtft - There.EstimatedTtft;
    }

    /// <summary>The moves of one round off <paramref name="from"/>. Each is to be carried out before the next is asked
    /// for: whether that is still wanted is told by the ledger.</summary>
    public static IEnumerable<Offer> Round(Instance from, Roster roster, PoolOptions options, TokenEstimates estimates, TimeSpan now)
    {
        if (!IsOverloaded(from, options, estimates))
            yield break;
        foreach (Offer offer in Offers(from, roster, options, estimates, now).OrderByDescending(o => o.Gain))
        {
            if (!IsOverloaded(from, options, estimates))
                yield break;
            // What moved before may have filled the other's queue, or brought it a common prefix.
            CandidateScore there = Query(offer.Work, roster, options, estimates, now).Score(offer.To, offer.There.Role);
            if (there.Refused is null && there.EstimatedTtft <= options.TtftSlo)
                yield return offer with { There = there };
        }
    }

    /// <summary>Whether the last in the queue misses the SLO.</summary>
    private static bool IsOverloaded(Instance instance, PoolOptions options, TokenEstimates estimates) =>
        instance.Backlog(estimates) > options.TtftSlo.TotalSeconds * instance.PrefillRate;

    private static List<Offer> Offers(Instance from, Roster roster, PoolOptions options, TokenEstimates estimates, TimeSpan now)
    {
        var offers = new List<Offer>();
        // The first without a token is being computed; of those behind it only as many wait as the engine says.
        int waiting = Math.Min(from.Prefilling.Count - 1, from.Report?.Waiting ?? int.MaxValue);
        long ahead = from.Backlog(estimates) - from.PendingPrefillTokens;
        for (int place = 0; place < from.Prefilling.Count; place++)
        {
            InFlight work = from.Prefilling[place];
            ahead += work.UncachedTokens;
            if (place < from.Prefilling.Count - waiting || work.Moves > 0 || work.IsAskedTwice || OtherCandidate(work, from, roster) is not { } to)
                continue;
            CandidateScore there = Query(work, roster, options, estimates, now).Score(to, CandidateRole.Scored);
            var here = new CandidateScore(from.Id, CandidateRole.Queued, work.PromptTokens - work.UncachedTokens, work.UncachedTokens,
                ahead - work.UncachedTokens, from.AllRequests, TimeSpan.FromSeconds(ahead / from.PrefillRate), null);
            if (there.Refused is null && there.EstimatedTtft < here.EstimatedTtft)
                offers.Add(new Offer(work, to, here, there));
        }
        return offers;
    }

    private static PlacementQuery Query(InFlight work, Roster roster, PoolOptions options, TokenEstimates estimates, TimeSpan now) =>
        new(work, roster.Ready(work.Request.Model), null, now, options, estimates);

    /// <summary>The other of the pair; null where the request runs beyond its pair, or its pair is one instance.</summary>
    private static Instance? OtherCandidate(InFlight work, Instance from, Roster roster)
    {
        ReadySet ready = roster.Ready(work.Request.Model);
        if (ready.Instances.Length < 2)
            return null;
        CandidatePair pair = CandidatePair.Of(work.Key.Hash, ready);
        return pair.First == from ? pair.Second : pair.Second == from ? pair.First : null;
    }
}
