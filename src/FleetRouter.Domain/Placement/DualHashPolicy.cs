using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Placement;

/// <summary>Dual-hash placement: a prefix names two instances; the one with more of it cached is taken unless its queue
/// would break the time-to-first-token SLO, then the lighter. A session stays at home under the same rule.</summary>
/// <remarks>DualMap, arXiv 2602.06502: cache is the default and load the exception, so placement does not oscillate. Beyond
/// the paper: the session's home is a third candidate, and a request whose candidates are all saturated goes to the least
/// loaded instance rather than waiting beside free ones.</remarks>
internal sealed class DualHashPolicy : IPlacementPolicy
{
    public Choice Place(in PlacementQuery query)
    {
        CandidatePair pair = CandidatePair.Of(query.Work.Key.Hash, query.Ready);
        Instance? home = query.Home;

        int count = 0;
        var scores = new CandidateScore[1 + (pair.Second is null ? 0 : 1) + (home is null || home == pair.First || home == pair.Second ? 0 : 1)];
        Candidate best = default, lighter = default;
        int takers = 0, leastCached = int.MaxValue;
        Weigh(query, pair.First, home == pair.First ? CandidateRole.Home : CandidateRole.FirstHash);
        if (pair.Second is { } second)
            Weigh(query, second, home == second ? CandidateRole.Home : CandidateRole.SecondHash);
        if (count < scores.Length)
            Weigh(query, home!, CandidateRole.Home);

        if (takers == 0)
            return query.LeastLoaded() is { } spill
                ? new Choice(spill, PlacementRule.Spill, [.. scores, query.Score(spill, CandidateRole.LeastLoaded)])
                : new Choice(null, PlacementRule.Spill, scores);
        if (takers == 1)
            return new Choice(best.Instance, best.Instance == home ? PlacementRule.SessionHome : PlacementRule.OnlyCandidate, scores);
        bool withinSlo = best.Ttft <= query.Options.TtftSlo;
        if (best.Instance == home && withinSlo)
            return new Choice(home, PlacementRule.SessionHome, scores);
        return withinSlo && best.Cached > leastCached
            ? new Choice(best.Instance, PlacementRule.Warm, scores)
            : new Choice(lighter.Instance, PlacementRule.Lighter, scores);

        // The warmest so far (of the equally warm home, else the lighter) and the lightest so far.
        void Weigh(in PlacementQuery query, Instance instance, CandidateRole role)
        {
            CandidateScore score = query.Score(instance, role);
            scores[count++] = score;
            if (score.Refused is not null)
                return;
            takers++;
            var candidate = new Candidate(instance, score.CachedTokens, query.Load(instance), score.EstimatedTtft);
            leastCached = Math.Min(leastCached, candidate.Cached);
            if (best.Instance is null || candidate.Cached > best.Cached
                || candidate.Cached == best.Cached && best.Instance != home && (instance == home || candidate.IsLighterThan(best)))
                best = candidate;
            if (lighter.Instance is null || candidate.IsLighterThan(lighter))
                lighter = candidate;
        }
    }

    private readonly record struct Candidate(Instance? Instance, int Cached, long Load, TimeSpan Ttft)
    {
        public bool IsLighterThan(in Candidate other) =>
            Load < other.Load || Load == other.Load && Instance!.LastDispatch < other.Instance!.LastDispatch;
    }
}
