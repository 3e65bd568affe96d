using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Placement;

/// <summary>Least-cost placement, the default: each instance is weighed by the seconds that placing a request there costs, it and
/// everybody else, now and later; where that is the same, the candidate pair of the dual hash is taken. The request waits in the router for
/// the instance it suits rather than in an engine's queue, where nothing can be done about it any more.</summary>
/// <remarks>The terms: <see cref="CostTerms"/>. What a prompt costs and when it comes to its first token is Mooncake's and DualMap's
/// estimate with attention counted; that later turns pay for where the first one went, and that a cache's oldest content has a
/// price, are ours. Of more than <see cref="MostWeighed"/> instances only some are weighed: the pair and the home, for what they have
/// cached, and the lightest.</remarks>
internal sealed class LeastCostPolicy : IPlacementPolicy
{
    /// <summary>Where there are more instances than that only some are weighed: that many of the lightest, of that many looked at in turn.</summary>
    private const int MostWeighed = 16, Lighter = 6, MostLookedAt = 256;

    /// <summary>By how much another instance must be cheaper than the pair, seconds: less than a person notices, enough that gateways
    /// which do not know of each other's requests agree about cold prefixes.</summary>
    private const double AnchorSeconds = 0.005;

    /// <summary>Weight of later turns, which meet the same line again.</summary>
    private const double FutureWeight = 2;

    /// <summary>Seconds by which each answer in the batch a request joins, and the turns that follow it, slow its own.</summary>
    private const double SharingSeconds = 0.05;

    /// <summary>For how many an answer of high priority counts to those of normal priority that would join its batch: they keep away, and others of
    /// high priority, which find few requests there, come together.</summary>
    private const int HighWeight = 8;

    /// <summary>From this share of the SLO on a second is dear, by so much. Beyond the SLO there is no more to lose: who misses it is not to
    /// cost the others theirs.</summary>
    private const double LateFrom = 0.3, LateWeight = 4;

    /// <summary>What it costs beside to miss the SLO: a request that can be in time somewhere goes there, unless that slows the answers there by more.
    /// Less, and long prompts shun the only instances that could serve them in time; more, and in overload they come first everywhere.</summary>
    private const double MissSeconds = 5;

    /// <summary>Of an answer that broke off every second is dear, by so much: its client sees it stand still.</summary>
    private const double ResumeLateWeight = 12;

    /// <summary>Stretches of a cache that are looked at to tell what a prompt would evict.</summary>
    private const int MostEvicted = 8;

    /// <summary>Cost of an instance that takes nobody at the moment and for no known time, seconds.</summary>
    private const double ClosedSeconds = 3;

    private readonly ReuseStatistics _reuse = new();
    private int _turn;
    private readonly Instance[] _lightest = new Instance[Lighter];
    private readonly double[] _loads = new double[Lighter];

    public Choice Place(in PlacementQuery query)
    {
        var search = new Search(query, _reuse);
        CandidatePair pair = CandidatePair.Of(query.Work.Key.Hash, query.Ready);
        search.Weigh(query, pair.First, CandidateRole.FirstHash, 0);
        if (pair.Second is { } second)
            search.Weigh(query, second, CandidateRole.SecondHash, 0);
        if (query.Home is { } home && home != pair.First && home != pair.Second)
            search.Weigh(query, home, CandidateRole.Home, 0);
        ReadOnlySpan<Instance> others = query.Ready.Instances.Length <= MostWeighed ? query.Ready.Instances : Lightest(query);
        foreach (Instance instance in others)
            search.Weigh(query, instance, CandidateRole.Scored, AnchorSeconds);
        if (search.Best.Instance is null)
            return new Choice(null, PlacementRule.Score, []);
        if (query.Work.HoldPlace is null)
            _reuse.Saw(query, search.MostCached, search.MostCachedAt, search.Best.Cost.Own);
        PlacementRule rule = search.Best.Instance == query.Home ? PlacementRule.SessionHome : PlacementRule.LeastCost;
        return new Choice(search.Best.Instance, rule, search.Scores(query))
        {
            Wait = search.Best.Cost.Wait, Fit = search.Best.Fit, LeastOwn = search.LeastOwn,
        };
    }

    public bool Prefers(in PlacementQuery query, Instance free, Instance awaited)
    {
        var search = new Search(query, _reuse);
        search.Weigh(query, awaited, CandidateRole.Scored, 0);
        search.Weigh(query, free, CandidateRole.Scored, AnchorSeconds);
        return search.Best.Instance == free;
    }

    /// <summary>The instances with the shortest lines and the fewest requests, of as many as are looked at for one request; among equals those
    /// rested longest.</summary>
    private ReadOnlySpan<Instance> Lightest(in PlacementQuery query)
    {
        Instance[] all = query.Ready.Instances;
        int count = 0, looked = Math.Min(all.Length, MostLookedAt);
        _turn = (_turn + looked) % all.Length;
        for (int k = 0; k < looked; k++)
        {
            Instance instance = all[(_turn + k) % all.Length];
            if (query.Work.Failed?.Contains(instance) == true)
                continue;
            double load = Line(query, instance) + SharingSeconds * instance.AllRequests + _reuse.MeanOwnSeconds * instance.Claims.Count;
            int place = Math.Min(count, Lighter - 1);
            if (count == Lighter && !IsLighter(load, instance, place))
                continue;
            for (; place > 0 && IsLighter(load, instance, place - 1); place--)
                (_lightest[place], _loads[place]) = (_lightest[place - 1], _loads[place - 1]);
            (_lightest[place], _loads[place]) = (instance, load);
            count = Math.Min(count + 1, Lighter);
        }
        return _lightest.AsSpan(0, count);
    }

    private bool IsLighter(double load, Instance instance, int place) =>
        load < _loads[place] || load == _loads[place] && instance.LastDispatch < _lightest[place].LastDispatch;

    /// <summary>Seconds until the instance is to be given another prompt if nobody waits for it.</summary>
    private static double Line(in PlacementQuery query, Instance instance) =>
        Math.Max(query.Queue(instance), instance.Requests == 0 ? 0 : (instance.Pace.FreeAt - query.Now).TotalSeconds);

    private readonly record struct Weighed(Instance Instance, CandidateRole Role, CostTerms Cost, Fit Fit);

    /// <summary>One request's search: the best so far, the runner-up, and the one with the longest cached prefix.</summary>
    private ref struct Search(in PlacementQuery query, ReuseStatistics reuse)
    {
        private readonly double _slo = query.Slo.TotalSeconds;
        private readonly double _future = FutureWeight * reuse.LaterTurns * reuse.MeanOwnSeconds;
        private Weighed _runnerUp, _warmest;

        public Weighed Best;
        public int MostCached;
        public TimeSpan MostCachedAt;
        public double LeastOwn = double.PositiveInfinity;

        public void Weigh(in PlacementQuery query, Instance instance, CandidateRole role, double handicap)
        {
            InFlight work = query.Work;
            if (work.Failed?.Contains(instance) == true || handicap > 0 && IsKnown(instance))
                return;
            Fit fit = query.Fit(instance);
            (double own, int cached) = (fit.Own, fit.CachedTokens);
            LeastOwn = Math.Min(LeastOwn, own);
            double line = Line(query, instance);
            int shunned = work.Request.Priority > 0 ? 0 : (HighWeight - 1) * instance.HighRequests;
            double crowding = (instance.Pace.SlowedBy(own, query.Now) + SharingSeconds) * (instance.AllRequests + shunned);
            // The other terms are not negative.
            if (IsOut(cached, own + line + crowding + handicap))
                return;

            TimeSpan latestStart = query.LatestStart(instance, own);
            (double secondsBefore, long tokensBefore) = instance.Claims.Count == 0 ? default : instance.Claims.Before(work, latestStart);
            double wait = Math.Max(line + secondsBefore, instance.KvWait(tokensBefore + fit.KvTokens + query.Headroom(instance)))
                + instance.StuckSeconds(query.Now) + (query.Closed(instance) is null ? 0 : ClosedSeconds);
            double ttft = (query.Now - work.WaitsSince).TotalSeconds + wait + own;
            bool misses = !query.HasSlo(own) || query.Now + TimeSpan.FromSeconds(wait) > latestStart;
            double busy = instance.Line.BusyShare(query.Now);
            var cost = new CostTerms(
                own, wait,
                work.Emitted > 0 ? ResumeLateWeight * Math.Min(ttft, _slo) : LateWeight * Math.Max(0, Math.Min(ttft, _slo) - LateFrom * _slo) + (misses ? MissSeconds : 0),
                crowding,
                0,
                // A turn that stays where its conversation is brings nothing there that was not there before.
                _future * (work.PromptTokens - cached) / Math.Max(1, work.PromptTokens) * busy / Math.Max(0.1, 1.1 - busy),
                handicap);
            if (IsOut(cached, cost.Total))
                return;
            var weighed = new Weighed(instance, role, cost with { Eviction = Eviction(query, instance, fit) }, fit);
            if (cached > MostCached)
                (MostCached, MostCachedAt, _warmest) = (cached, fit.UsedAt, weighed);
            if (Best.Instance is null || IsCheaper(weighed, Best))
                (Best, _runnerUp) = (weighed, Best);
            else if (_runnerUp.Instance is null || IsCheaper(weighed, _runnerUp))
                _runnerUp = weighed;
        }

        /// <summary>Whether an instance that costs so much at least is neither the best, nor the next best, nor the one with the longest prefix.</summary>
        private readonly bool IsOut(int cached, double atLeast) =>
            cached <= MostCached && _runnerUp.Instance is not null && atLeast > _runnerUp.Cost.Total;

        /// <summary>The instances worth telling of: the one taken, the next best, and the one with the longest cached prefix.</summary>
        public readonly CandidateScore[] Scores(in PlacementQuery query)
        {
            bool hasNext = _runnerUp.Instance is not null;
            bool hasWarm = _warmest.Instance is { } warm && warm != Best.Instance && warm != _runnerUp.Instance;
            var scores = new CandidateScore[1 + (hasNext ? 1 : 0) + (hasWarm ? 1 : 0)];
            scores[0] = Score(query, Best);
            if (hasNext)
                scores[1] = Score(query, _runnerUp);
            if (hasWarm)
                scores[^1] = Score(query, _warmest);
            return scores;
        }

        private static CandidateScore Score(in PlacementQuery query, in Weighed weighed) =>
            query.Score(weighed.Instance, weighed.Role, weighed.Fit.CachedTokens, weighed.Fit.Obstacle) with { Cost = weighed.Cost };

        // The pair and the home are weighed first, without the handicap.
        private readonly bool IsKnown(Instance instance) =>
            instance == Best.Instance || instance == _runnerUp.Instance && _runnerUp.Cost.Anchor == 0;

        private static bool IsCheaper(in Weighed a, in Weighed b) =>
            a.Cost.Total < b.Cost.Total || a.Cost.Total == b.Cost.Total && a.Instance.LastDispatch < b.Instance.LastDispatch;

        /// <summary>What is evicted has to be computed again if it is asked for, and the longer nobody did the less likely that is.</summary>
        private readonly double Eviction(in PlacementQuery query, Instance instance, in Fit fit)
        {
            int uncached = query.Work.PromptTokens - fit.CachedTokens;
            double blocks = (double)query.Work.Request.Prompt.Hashes.Length * uncached / Math.Max(1, query.Work.PromptTokens);
            double over = Math.Min(blocks, blocks - (instance.Prefixes.CapacityBlocks - instance.Prefixes.Blocks));
            if (over <= 0)
                return 0;
            double weight = 0, wanted = 0;
            int looked = 0;
            foreach (CachedRun run in instance.Prefixes.Evictions)
            {
                if (fit.CachedTokens > 0 && run.UsedAt == fit.UsedAt)
                    continue;   // its own prefix, which it is about to use
                wanted = reuse.StillWanted(query.Now - run.UsedAt);
                weight += wanted * Math.Min(over, run.Blocks);
                over -= run.Blocks;
                if (over <= 0 || ++looked == MostEvicted)
                    break;
            }
            return fit.Own * (weight + wanted * Math.Max(0, over)) / blocks;
        }
    }
}
