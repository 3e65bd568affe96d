using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Placement;

/// <summary>lab</summary>
internal sealed class LeastCostPolicy : IPlacementPolicy
{
    private readonly Dictionary<string, double> _k = new() { ["q"] = 1, ["g"] = 4, ["f"] = 4, ["s"] = 3, ["sf"] = 0.7, ["fm"] = 10, ["d"] = 0.1, ["tr"] = 2, ["h"] = 1, ["kw"] = 3, ["e"] = 0, ["kf"] = 0, ["kh"] = 1, ["kc"] = 1 };

    public LeastCostPolicy(string name)
    {
        foreach (string part in name.Split(':').Skip(1).SelectMany(x => x.Split(',')))
            _k[part.Split('=')[0]] = double.Parse(part.Split('=')[1], System.Globalization.CultureInfo.InvariantCulture);
        (q, g, f, s, sf, fm, d, tr, h, kw, e, kf, kh, kc) = (_k["q"], _k["g"], _k["f"], _k["s"], _k["sf"], _k["fm"], _k["d"], _k["tr"], _k["h"], _k["kw"], _k["e"], _k["kf"], _k["kh"], _k["kc"]);
    }
    private readonly double q, g, f, s, sf, fm, d, tr, h, kw, e, kf, kh, kc;
    private double _reuse = 0.5, _service = 0.3, _age = 60;

    public Choice Place(in PlacementQuery query)
    {
        Instance? best = null;
        double bestCost = double.MaxValue;
        int mostCached = 0; TimeSpan usedAt = default; double bestOwn = 0; bool bestFull = false; double bestQueue = 0; long bestNeed = 0;
        double future = f * Math.Min(fm, _reuse / (1 - _reuse)) * _service;
        double slo = query.Options.TtftSloOf(query.Work.PromptTokens).TotalSeconds;
        foreach (Instance i in query.Ready.Instances)
        {
            if (query.Work.Failed?.Contains(i) == true)
                continue;
            int blocks = i.Prefixes.CachedBlocks(query.Work.Request.Prompt.Hashes, out TimeSpan used, out int pinned);
            int cached = TokenEstimates.CachedTokens(blocks, query.Work);
            if (cached > mostCached) (mostCached, usedAt) = (cached, used);
            int uncached = query.Work.PromptTokens - cached;
            double own = query.Own(i, cached);
            long need = query.Work.PromptTokens - TokenEstimates.CachedTokens(pinned, query.Work);
            double queue = query.Queue(i) + i.ClaimedSeconds;
            if (h > 0) queue = Math.Max(queue, (i.PacedUntil - query.Now).TotalSeconds + i.ClaimedSeconds);
            double kvWait = h > 0 && i.Requests > 0 ? i.KvWait(need) : 0;
            queue = Math.Max(queue, kc * kvWait);
            bool full = i.Requests > 0 && (i.Pinned + Math.Min(need, (long)Tuning.Need) > (1 + Tuning.Over) * i.KvCapacityTokens || i.AllRequests >= query.Options.MaxRequestsPerInstance || i.BusyUntil > query.Now);
            double busy = i.Line.BusyShare(query.Now);
            double evict = 0;
            long over = i.Prefixes.Blocks + (long)(uncached / 64.0) - i.Prefixes.CapacityBlocks;
            if (g > 0 && over > 0 && i.Prefixes.OldestUse is { } oldest)
                evict = g * own * Math.Min(1, over * 64.0 / Math.Max(1, uncached)) * Math.Exp(-(query.Now - oldest).TotalSeconds / (tr * _age));
            double late = s * Math.Max(0, own + queue - sf * slo);
            double cost = own + q * queue + evict + future * (e > 0 ? (double)uncached / query.Work.PromptTokens : 1) * (busy / Math.Max(0.1, 1.1 - busy) + kf * i.PinnedTokens / (double)i.KvCapacityTokens) + late + d * own * i.AllRequests + (full && kvWait == 0 ? kw : 0);
            if (cost < bestCost || cost == bestCost && i.LastDispatch < best!.LastDispatch)
                (best, bestCost, bestOwn, bestFull, bestQueue, bestNeed) = (i, cost, own, full, queue, need);
        }
        if (best is null)
            return new Choice(null, PlacementRule.Score, []);
        if (query.Work.HoldPlace is null)
        {
            _service += 0.02 * (bestOwn - _service);
            _reuse += 0.01 * ((double)mostCached / Math.Max(1, query.Work.PromptTokens) - _reuse);
            if (mostCached * 2 > query.Work.PromptTokens) _age += 0.02 * ((query.Now - usedAt).TotalSeconds - _age);
        }
        bool later = h > 0 && (kh > 0 && bestFull || best.FreeAt(query.Now) > query.Now);
        return new Choice(best, PlacementRule.Score, []) { Later = later, WaitSeconds = bestQueue, KvTokens = bestNeed };
    }
}
