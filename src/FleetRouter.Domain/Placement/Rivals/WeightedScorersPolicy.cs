using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Placement.Rivals;

/// <summary>To the highest weighted sum of scores, each between 0 and 1.</summary>
/// <remarks>llm-d's router with its precise-prefix configuration: <c>prefix</c> 3, <c>kv</c> 1, <c>queue</c> 2
/// (llm-d/llm-d-inference-scheduler:deploy/config, pkg/plugins/scorer/utils.go; scorers of
/// kubernetes-sigs/gateway-api-inference-extension). Prefix: cached tokens between the least and the most of those that hold
/// any, 1 where all hold the same, 0 for the others; with <c>share=1</c> the share of the prompt, as the approximate scorer.
/// KV: 1 less the usage reported. Queue: requests the engine reports waiting, between the most (0) and the least (1).
/// <c>active</c> (0): the active-request scorer, on the ledger's count: 1 idle, else (most − count) / most. Queue and usage are as old as the
/// last report, as they are at home; the KV events are replaced by the learned index.</remarks>
internal sealed class WeightedScorersPolicy(double prefix, double kv, double queue, double active, bool share) : IPlacementPolicy
{
    private int[] _cached = [];

    public Choice Place(in PlacementQuery query)
    {
        Instance[] instances = query.Ready.Instances;
        if (_cached.Length < instances.Length)
            _cached = new int[instances.Length];
        var hits = new Span();
        var waits = new Span();
        int mostRequests = 0;
        for (int i = 0; i < instances.Length; i++)
        {
            _cached[i] = -1;
            if (query.Obstacle(instances[i]) is not null)
                continue;
            _cached[i] = query.CachedTokens(instances[i]);
            if (_cached[i] > 0)
                hits.Add(_cached[i]);
            waits.Add(Waiting(instances[i]));
            mostRequests = Math.Max(mostRequests, instances[i].AllRequests);
        }

        Instance? best = null;
        double highest = 0;
        for (int i = 0; i < instances.Length; i++)
        {
            if (_cached[i] < 0)
                continue;
            Instance instance = instances[i];
            double hit = share
                ? (double)_cached[i] / Math.Max(1, query.Work.PromptTokens)
                : _cached[i] == 0 ? 0 : hits.Place(_cached[i]) ?? 1;
            double score = prefix * hit
                + kv * (1 - (instance.Report?.KvUsage ?? 0))
                + queue * (1 - (waits.Place(Waiting(instance)) ?? 0))
                + active * (mostRequests == 0 ? 1 : 1 - (double)instance.AllRequests / mostRequests);
            if (best is null || score > highest || score == highest && instance.LastDispatch < best.LastDispatch)
                (best, highest) = (instance, score);
        }
        return query.Choose(best);
    }

    private static int Waiting(Instance instance) => instance.Report?.Waiting ?? 0;

    /// <summary>The least and the most of some values.</summary>
    private struct Span()
    {
        private int _least = int.MaxValue, _most = int.MinValue;

        public void Add(int value) => (_least, _most) = (Math.Min(_least, value), Math.Max(_most, value));

        /// <summary>Where a value lies, 0 for the least and 1 for the most; null where all are the same.</summary>
        public readonly double? Place(int value) => _most == _least ? null : (double)(value - _least) / (_most - _least);
    }
}
