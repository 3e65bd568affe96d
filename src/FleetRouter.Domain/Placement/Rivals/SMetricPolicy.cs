using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Placement.Rivals;

/// <summary>A session's first turn by LMetric's score; a later one to the longest cached prefix, unless its time to first
/// token would exceed the slack.</summary>
/// <remarks>SMetric, arXiv 2607.08565: stay unless TTFT > <c>slack</c> · SLO, SLO = <c>base</c> (1 s) + <c>per1k</c>
/// (0.0625 s) for each 1,000 prompt tokens; else by LMetric's score as well. The slack's published value is not in the
/// sources at hand: 1 is the plain reading, larger ones are variants. A later turn is known by the answers in its prompt, by
/// its session's home or, where there is no session id (Mooncake's traces have none), by a cached prefix longer than what
/// many requests share. The paper's prefill cost has a term quadratic in length; the learned rate is linear.</remarks>
internal sealed class SMetricPolicy(double slack, double baseSeconds, double secondsPerThousand) : IPlacementPolicy
{
    private readonly LMetricPolicy _score = new();

    public Choice Place(in PlacementQuery query)
    {
        Instance? warmest = null;
        int longest = 0;
        foreach (Instance instance in query.Ready.Instances)
        {
            if (query.Obstacle(instance) is not null || query.CachedTokens(instance) is var cached && (cached == 0 || cached < longest))
                continue;
            if (cached > longest || _score.Cost(query, instance) < _score.Cost(query, warmest!))
                (warmest, longest) = (instance, cached);
        }
        bool isLaterTurn = query.Work.Request.PriorTurns > 0 || query.Home is not null
            || query.Work.Request.SessionId is null && longest > TokenEstimates.CachedTokens(query.Work.Key.Depth, query.Work);
        double slo = baseSeconds + secondsPerThousand * query.Work.PromptTokens / 1_000;
        return isLaterTurn && warmest is not null && query.Ttft(warmest, longest).TotalSeconds <= slack * slo ? query.Choose(warmest) : _score.Place(query);
    }
}
