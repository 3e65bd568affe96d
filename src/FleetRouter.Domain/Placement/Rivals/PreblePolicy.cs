using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Placement.Rivals;

/// <summary>Exploit or explore: where more of the prompt is cached than remains, to a holder of the longest match; else to the
/// least sum of the load of the last minutes, what would be evicted, and the prompt's own prefill.</summary>
/// <remarks>Preble's E2 (ICLR 2025; WukLab/preble:multi_node/global_scheduler_with_time.py), all in seconds. L: prefill placed
/// within <c>window</c> (180 s), and the output tokens still owed, each <c>tpot</c> (0.015 s; Preble measures the median, the
/// pool does not; this is a decode step of an 8B model on an H100). M: what must be evicted for the prompt, taken to be computed once
/// more (<c>evict=0</c>: without it, the repository's default). P: the tokens not cached. For prefill times Preble has a
/// regression of one GPU, here it is the learned rate. Its stealing of nodes between GPUs is commented out in the
/// repository and left out here.</remarks>
internal sealed class PreblePolicy(TimeSpan window, double secondsPerOutputToken, bool evicts) : IPlacementPolicy
{
    private readonly Queue<(TimeSpan At, Instance Instance, int Tokens)> _recent = new();
    private readonly Dictionary<Instance, long> _placed = [];   // prefill tokens within the window
    private int[] _cached = [];

    public Choice Place(in PlacementQuery query)
    {
        Forget(query.Now - window);
        Instance[] instances = query.Ready.Instances;
        if (_cached.Length < instances.Length)
            _cached = new int[instances.Length];
        int longest = 0;
        for (int i = 0; i < instances.Length; i++)
        {
            _cached[i] = query.Obstacle(instances[i]) is null ? query.CachedTokens(instances[i]) : -1;
            longest = Math.Max(longest, _cached[i]);
        }

        int least = longest > query.Work.PromptTokens - longest ? longest : 0;
        Instance? best = null;
        (double Cost, int Cached) lowest = default;
        for (int i = 0; i < instances.Length; i++)
        {
            if (_cached[i] < least)
                continue;
            double cost = Cost(query, instances[i], _cached[i]);
            if (best is null || cost < lowest.Cost || cost == lowest.Cost && instances[i].LastDispatch < best.LastDispatch)
                (best, lowest) = (instances[i], (cost, _cached[i]));
        }
        if (best is not null)
            Remember(best, query.Work.PromptTokens - lowest.Cached, query.Now);
        return query.Choose(best);
    }

    private double Cost(in PlacementQuery query, Instance instance, int cached)
    {
        long uncached = query.Work.PromptTokens - cached;
        long free = (instance.Prefixes.CapacityBlocks - instance.Prefixes.Blocks)
            * query.Work.PromptTokens / Math.Max(1, query.Work.Request.Prompt.Hashes.Length);
        long evicted = evicts ? Math.Max(0, uncached - free) : 0;
        return (_placed.GetValueOrDefault(instance) + evicted + uncached) / instance.PrefillRate + secondsPerOutputToken * instance.DecodeTokens;
    }

    private void Remember(Instance instance, int tokens, TimeSpan now)
    {
        _recent.Enqueue((now, instance, tokens));
        _placed[instance] = _placed.GetValueOrDefault(instance) + tokens;
    }

    private void Forget(TimeSpan before)
    {
        while (_recent.TryPeek(out var oldest) && oldest.At < before)
        {
            _recent.Dequeue();
            long left = _placed.GetValueOrDefault(oldest.Instance) - oldest.Tokens;
            if (left > 0)
                _placed[oldest.Instance] = left;
            else
                _placed.Remove(oldest.Instance);
        }
    }
}
