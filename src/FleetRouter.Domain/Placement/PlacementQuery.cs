using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Placement;

/// <summary>What a policy is asked: a request, and the ready instances that serve its model.</summary>
internal readonly ref struct PlacementQuery(
    InFlight work, ReadySet ready, Instance? home, TimeSpan now, PoolOptions options, TokenEstimates estimates)
{
    /// <summary>How far one running request delays a prefill, in prompt tokens: some 0.16 ms of each decode step of an
    /// 8B model on an H100 (algorithm notes C5) over the steps that pass while a prompt waits.</summary>
    private const int RequestWeight = 64;

    /// <summary>Share of a cache that is kept for requests of high priority where there are any: the batch beside them stays small, so that their
    /// tokens come fast, and does not run out of room, so that the engine takes nobody's cache away (Llumnix's headroom).</summary>
    private const double HeadroomShare = 0.25;

    /// <summary>Mean answers, tokens, for which a cache keeps room to grow: an engine that runs out takes an answer's cache away and computes it anew, and whoever
    /// comes meanwhile waits behind it. One and a half, since some answers are late to end; and no more than that share of a cache.</summary>
    private const double GrowthAnswers = 1.5, MostGrowthShare = 1.0 / 16;

    /// <summary>How long a client whose answer broke off should wait for the next token at most: it watches the text stand still.</summary>
    private static readonly TimeSpan ResumeSlo = TimeSpan.FromSeconds(1);

    public readonly InFlight Work = work;
    public readonly ReadySet Ready = ready;

    /// <summary>The ready instance the session's last turn ran on, if any.</summary>
    public readonly Instance? Home = home;

    public readonly TimeSpan Now = now;
    public readonly PoolOptions Options = options;
    private readonly TokenEstimates _estimates = estimates;

    /// <summary>Why <paramref name="instance"/> cannot take the request; null if it can.</summary>
    public string? Obstacle(Instance instance) =>
        Work.Failed?.Contains(instance) == true ? "failed-before" : Saturation(instance);

    /// <summary>Why <paramref name="instance"/> has no room for the request, whatever befell the request before.</summary>
    public string? Saturation(Instance instance)
    {
        if (Closed(instance) is { } closed)
            return closed;
        // Room for a prompt longer than the whole cache never comes; the engine's own answer about it is the right one.
        bool fits = instance.KvTokens + Work.PromptTokens <= instance.KvCapacityTokens || Work.PromptTokens > instance.KvCapacityTokens;
        return instance.IsFull || !fits && instance.Requests > 0 ? "kv-full" : null;
    }

    /// <summary>Tokens of <paramref name="instance"/>'s cache that are not for the request: those the answers there grow by, those kept for requests of
    /// high priority, and some that all but the longest leave to these. A client whose answer broke off is not kept waiting for the first and the last.</summary>
    public long Headroom(Instance instance) =>
        (Work.Emitted > 0 ? 0 : Growth(instance) + (Work.Request.Priority > 0 ? 0 : Work.LeavesFree))
        + (Work.Request.Priority > 0 || instance.HighRequests == 0 ? 0 : (long)(HeadroomShare * instance.KvCapacityTokens));

    /// <summary>Until one of n answers of mean length L ends, L / n steps pass and all n grow by as much: by L together, however many there are.</summary>
    private long Growth(Instance instance) => (long)Math.Min(GrowthAnswers * _estimates.MeanOutputTokens, MostGrowthShare * instance.KvCapacityTokens);

    public int CachedTokens(Instance instance) =>
        TokenEstimates.CachedTokens(instance.Prefixes.CachedBlocks(Work.Request.Prompt.Hashes), Work);

    /// <summary>Prefill work queued on <paramref name="instance"/>, tokens.</summary>
    public long Backlog(Instance instance) => instance.Backlog(_estimates);

    /// <summary>Load by which the lighter of two instances is told, in prompt tokens.</summary>
    public long Load(Instance instance) => instance.Backlog(_estimates) + (long)RequestWeight * instance.AllRequests;

    /// <summary>Estimated time to first token on <paramref name="instance"/>: what is queued there and what of this prompt
    /// it would have to compute, at its prefill speed (DualMap's T_q + T_c with free cache reads).</summary>
    public TimeSpan Ttft(Instance instance, int cachedTokens) =>
        TimeSpan.FromSeconds(Queue(instance) + Own(instance, cachedTokens));

    /// <summary>Seconds of prefill queued on <paramref name="instance"/>: this router's, and a guess at what others left waiting.</summary>
    public double Queue(Instance instance) =>
        instance.Line.Seconds(Now) + (instance.Backlog(_estimates) - instance.PendingPrefillTokens) / instance.PrefillRate;

    /// <summary>Seconds <paramref name="instance"/> takes for the part of the prompt it has not cached.</summary>
    public double Own(Instance instance, int cachedTokens) =>
        PrefillWork.Of(Work.PromptTokens - cachedTokens, Work.PromptTokens) / instance.PrefillRate;

    /// <summary>What the request would take of <paramref name="instance"/>, and whether there is room for that now.</summary>
    public Fit Fit(Instance instance)
    {
        int blocks = instance.Prefixes.CachedBlocks(Work.Request.Prompt.Hashes, out TimeSpan usedAt, out int pinned);
        int cached = TokenEstimates.CachedTokens(blocks, Work);
        long kvTokens = Work.PromptTokens - TokenEstimates.CachedTokens(pinned, Work);
        return new Fit(cached, usedAt, Own(instance, cached), kvTokens, Closed(instance) ?? (instance.KvWait(kvTokens + Headroom(instance)) > 0 ? "kv-full" : null));
    }

    /// <summary>How long its client should wait for the next token at most.</summary>
    public TimeSpan Slo => Work.Emitted > 0 ? ResumeSlo : Options.TtftSloOf(Work.PromptTokens);

    /// <summary>Whether an idle instance that takes so many seconds for the prompt would meet the request's SLO.</summary>
    public bool HasSlo(double own) => own < Slo.TotalSeconds;

    /// <summary>By which time the prefill should have begun on <paramref name="instance"/> if it takes so many seconds: in this order requests go
    /// first. One that misses its SLO even on an idle instance stands back behind those that do not, but not for longer than half the time a
    /// request may be held.</summary>
    public TimeSpan LatestStart(Instance instance, double own)
    {
        double besideAnswers = instance.Requests == 0 ? 1 : 1.05;
        return Work.WaitsSince + (HasSlo(own)
            ? Slo - TimeSpan.FromSeconds(besideAnswers * own)
            : Options.MaxHoldTime / 2);
    }

    /// <summary>Why <paramref name="instance"/> takes nobody at the moment; null if it does.</summary>
    public string? Closed(Instance instance) => instance.Closed(Now, Options);

    public CandidateScore Score(Instance instance, CandidateRole role)
    {
        int cached = CachedTokens(instance);
        return Score(instance, role, cached, Obstacle(instance));
    }

    public CandidateScore Score(Instance instance, CandidateRole role, int cached, string? refused) =>
        new(instance.Id, role, cached, Work.PromptTokens - cached, instance.Backlog(_estimates), instance.AllRequests, Ttft(instance, cached), refused);

    /// <summary>The answer of a policy that looks at every instance: the one it takes, without all those it does not.</summary>
    public Choice Choose(Instance? instance, PlacementRule rule = PlacementRule.Score, CandidateRole role = CandidateRole.Scored) =>
        new(instance, rule, instance is null ? [] : [Score(instance, role)]);

    /// <summary>The least loaded of the ready instances that could take the request; among equals the one rested longest.</summary>
    public Instance? LeastLoaded()
    {
        Instance? best = null;
        long bestLoad = 0;
        foreach (Instance instance in Ready.Instances)
        {
            if (Obstacle(instance) is not null)
                continue;
            long load = Load(instance);
            if (best is null || load < bestLoad || load == bestLoad && instance.LastDispatch < best.LastDispatch)
                (best, bestLoad) = (instance, load);
        }
        return best;
    }
}

/// <summary>What a policy answers.</summary>
/// <param name="Instance">The instance chosen; null if every one is saturated.</param>
/// <param name="Rule">The rule that decided.</param>
/// <param name="Candidates">The instances weighed.</param>
internal readonly record struct Choice(Instance? Instance, PlacementRule Rule, CandidateScore[] Candidates)
{
    /// <summary>Seconds it is expected to wait in the router until the instance is ready for it; null where the policy has it wait in the
    /// engine's queue.</summary>
    public double? Wait { get; init; }

    /// <summary>What it would take there, where the policy has looked.</summary>
    public Fit? Fit { get; init; }

    /// <summary>Seconds of prefill where most of its prompt is cached, where the policy has looked.</summary>
    public double? LeastOwn { get; init; }
}

/// <summary>What a request would take of an instance.</summary>
/// <param name="CachedTokens">Prompt tokens believed to be in its cache.</param>
/// <param name="UsedAt">When the last of them was last used.</param>
/// <param name="Own">Seconds of prefill for the others.</param>
/// <param name="KvTokens">Tokens of KV cache it would pin beyond what is pinned.</param>
/// <param name="Obstacle">Why there is no room for it now; null if there is.</param>
internal readonly record struct Fit(int CachedTokens, TimeSpan UsedAt, double Own, long KvTokens, string? Obstacle);

/// <summary>Chooses an instance. Reads the pool, changes nothing of it; may keep counts of its own.</summary>
internal interface IPlacementPolicy
{
    /// <summary>The instance for a request, out of <see cref="PlacementQuery.Ready"/>, which is not empty.</summary>
    Choice Place(in PlacementQuery query);

    /// <summary>Whether a request that waits for one instance had better go to another, which is free. Asked of policies that have requests
    /// wait in the router.</summary>
    bool Prefers(in PlacementQuery query, Instance free, Instance awaited) => false;
}
