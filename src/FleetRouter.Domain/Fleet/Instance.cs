using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Fleet;

/// <summary>One engine endpoint as its pool knows it: its life, its leases' load, what it says of itself, and what its
/// cache is believed to hold.</summary>
internal sealed class Instance(string id, PoolOptions options)
{
    public readonly string Id = id;

    /// <summary>Where the instance stands in the hash space; a function of its id alone, so all gateways agree.</summary>
    public readonly ulong Anchor = XxHash64.Of(id);

    public readonly PrefixIndex Prefixes = new(1);

    public InstanceState State = InstanceState.Joined;
    public string StateReason = "named by discovery, not yet probed";
    public TimeSpan StateSince;
    public int FailedProbes;
    public EngineReport? Report;
    public TimeSpan ReportedAt;
    public IReadOnlyList<string> Models = [];

    // What the leases of this router hold here.
    public int Requests;
    public long PendingPrefillTokens;
    public long DecodeTokens;
    public long KvTokens;
    public long PromptTokens;

    /// <summary>Those of them without a first token, in the order of their dispatch.</summary>
    public readonly List<InFlight> Prefilling = [];

    /// <summary>Tokens the leases pin in the KV cache.</summary>
    public long PinnedTokens;

    /// <summary>The prompts without a first token, as work.</summary>
    public readonly PrefillLine Line = new(options.PrefillTokensPerSecond);

    /// <summary>Requests held in the router for this instance, those that must begin first in front; and what they will take, seconds.</summary>
    public readonly SortedSet<InFlight> Claims = new(UrgentFirst.Instance);
    public double ClaimedSeconds;
    public long ClaimedTokens;
    private double _tokensPerBlock = 64;
    public long Pinned => PinnedTokens + (long)(Prefixes.PinnedBlocks * _tokensPerBlock);
    public double Duty = 1;
    public double LeaseSeconds = 10;

    public void Paced(double interTokenSeconds, double slo) =>
        Duty = Math.Clamp(Duty * (interTokenSeconds > slo ? 1 - Tuning.Down : 1 + Tuning.Down * Tuning.Share / (1 - Tuning.Share)), 0.5, Tuning.MaxDuty);

    public void Leased(double seconds) => LeaseSeconds += 0.05 * (seconds - LeaseSeconds);

    /// <summary>Seconds until so many more tokens fit.</summary>
    public double KvWait(long tokens) => Math.Max(0, Pinned + ClaimedTokens + tokens - KvCapacityTokens) * LeaseSeconds / Math.Max(1, Pinned);

    /// <summary>From when on another prompt leaves the answers here their pace.</summary>
    public TimeSpan PacedUntil;

    /// <summary>Requests the engine has that this router did not send: other gateways' and direct clients'.</summary>
    public int ForeignRequests;
    private int _lastSurplus;

    /// <summary>No engine has more; what claims to must not overflow the sums it enters.</summary>
    private const int MostForeignRequests = 1_000_000;

    /// <summary>When the engine's process started, by the last report that said so.</summary>
    private double? _startedAt;

    /// <summary>After the engine shed a request it is left alone until then.</summary>
    public TimeSpan BusyUntil;

    /// <summary>Sequence number of the last dispatch: among equals the one rested longest is taken.</summary>
    public long LastDispatch;

    public long KvCapacityTokens = options.KvCapacityTokens;

    /// <summary>Prompt tokens a second at the start of a prompt, learned from this instance's own first tokens.</summary>
    public double PrefillRate => Line.Rate;

    /// <summary>Prefill work queued here, tokens: this router's, and a guess at what others left waiting.</summary>
    public long Backlog(TokenEstimates estimates) =>
        PendingPrefillTokens + (long)(Math.Min(ForeignRequests, Report?.Waiting ?? 0) * estimates.MeanPromptTokens);

    public int AllRequests => Requests + ForeignRequests;

    public void Take(InFlight work)
    {
        Requests++;
        PendingPrefillTokens += work.UncachedTokens;
        DecodeTokens += work.ProjectedOutput;
        KvTokens += work.UncachedTokens + work.ProjectedOutput;
        PromptTokens += work.PromptTokens;
        PinnedTokens += work.PinnedTokens;
        Prefilling.Add(work);
        Line.Add(work, work.DispatchedAt);
    }

    /// <summary>Gives back all that <paramref name="work"/> still holds here.</summary>
    public void Release(InFlight work)
    {
        Requests--;
        if (EndPrefill(work))
            Line.Drop(work);
        PinnedTokens -= work.PinnedTokens;
        DecodeTokens -= work.RemainingOutput;
        KvTokens -= work.UncachedTokens + work.ProjectedOutput;
        PromptTokens -= work.PromptTokens;
    }

    /// <summary>The prompt of <paramref name="work"/> is computed here, or need not be any more; false if that was known.</summary>
    public bool EndPrefill(InFlight work)
    {
        if (!Prefilling.Remove(work))
            return false;
        PendingPrefillTokens -= work.UncachedTokens;
        return true;
    }

    /// <summary>Holds <paramref name="work"/> for this instance, which will take it that long.</summary>
    public void Claim(InFlight work, double seconds, long tokens)
    {
        (work.Claim, work.ClaimSeconds, work.ClaimTokens) = (this, seconds, tokens);
        Claims.Add(work);
        ClaimedSeconds += seconds;
        ClaimedTokens += tokens;
    }

    /// <summary>From when on the instance is to be given another prompt: its line is short enough that it never runs dry,
    /// and its answers keep their pace.</summary>
    public TimeSpan FreeAt(TimeSpan now)
    {
        TimeSpan free = now + TimeSpan.FromSeconds(Math.Max(0, Line.Seconds(now) - Tuning.Ahead));
        return PacedUntil > free ? PacedUntil : free;
    }

    /// <summary>Whether another prompt could begin here at once.</summary>
    public bool HasRoom(TimeSpan now) => FreeAt(now) <= now && Pinned < 0.9 * KvCapacityTokens && BusyUntil <= now;

    /// <summary>Counts a prefill of that many seconds against the pace of the answers here.</summary>
    public void Pace(double seconds, TimeSpan interTokenSlo, TimeSpan now)
    {
        TimeSpan from = PacedUntil > now - TimeSpan.FromSeconds(Tuning.Burst) ? PacedUntil : now - TimeSpan.FromSeconds(Tuning.Burst);
        PacedUntil = from + TimeSpan.FromSeconds(seconds / Duty);
    }

    public void Unclaim(InFlight work)
    {
        Claims.Remove(work);
        ClaimedSeconds = Claims.Count == 0 ? 0 : ClaimedSeconds - work.ClaimSeconds;
        ClaimedTokens -= work.ClaimTokens;
        work.Claim = null;
    }

    /// <summary>Sets the ledger beside what the engine says it has.</summary>
    public void Reconcile(EngineReport report, TimeSpan at, TokenEstimates estimates)
    {
        if (_startedAt is { } before && report.StartedAtSeconds is { } started && started != before)
            Prefixes.Clear();
        _startedAt = report.StartedAtSeconds ?? _startedAt;
        Report = report;
        ReportedAt = at;
        _tokensPerBlock = estimates.Tokens(1);
        KvCapacityTokens = report.KvCapacityTokens ?? KvCapacityTokens;
        Prefixes.CapacityBlocks = estimates.Blocks(KvCapacityTokens);
        // A report is a moment old: what has ended since still counts in it. Only a surplus seen twice is someone else's.
        int surplus = (int)Math.Clamp((long)(report.Running ?? 0) + (report.Waiting ?? 0) - Requests, 0, MostForeignRequests);
        ForeignRequests = Math.Min(surplus, _lastSurplus);
        _lastSurplus = surplus;
    }

    private sealed class UrgentFirst : IComparer<InFlight>
    {
        public static readonly UrgentFirst Instance = new();

        public int Compare(InFlight? x, InFlight? y) => x!.Urgency != y!.Urgency
            ? x.Urgency.CompareTo(y.Urgency)
            : x.Order.CompareTo(y.Order);
    }
}
