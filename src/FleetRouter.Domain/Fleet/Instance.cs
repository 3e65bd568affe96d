using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Health;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Fleet;

/// <summary>One engine endpoint as its pool knows it: its life, its leases' load, what it says of itself, and what its
/// cache is believed to hold.</summary>
internal sealed class Instance(string id, PoolOptions options, Peers peers)
{
    public readonly string Id = id;

    /// <summary>Where the instance stands in the hash space; a function of its id alone, so all gateways agree.</summary>
    public readonly ulong Anchor = XxHash64.Of(id);

    public readonly PrefixIndex Prefixes = new(1);

    public InstanceState State = InstanceState.Joined;
    public string StateReason = "named by discovery, not yet probed";
    public TimeSpan StateSince;

    /// <summary>How long its draining may take.</summary>
    public TimeSpan DrainsWithin = DrainOrdered.Usual;
    public int FailedProbes;
    public EngineReport? Report;
    public TimeSpan ReportedAt;
    public IReadOnlyList<string> Models = [];

    /// <summary>Seconds of prefill an instance keeps in line: a step of work in hand, and one to follow without a gap.</summary>
    private const double LineSeconds = 0.5;

    // What the leases of this router hold here.
    public int Requests;
    public long PendingPrefillTokens;
    public long DecodeTokens;
    public long KvTokens;
    public long PromptTokens;

    /// <summary>Those of them without a first token, in the order of their dispatch.</summary>
    public readonly List<InFlight> Prefilling = [];

    /// <summary>Those of them that have one, in no order.</summary>
    public readonly List<InFlight> Answering = [];

    /// <summary>Those of high priority.</summary>
    public int HighRequests;

    /// <summary>Answers being carried over from here, and to here.</summary>
    public int Leaving, Arriving;

    /// <summary>The prompts without a first token, as work.</summary>
    public readonly PrefillLine Line = new(new PrefillSpeed(peers.Speed));

    /// <summary>How fast prompts may follow each other here.</summary>
    public readonly AnswerPace Pace = new();

    /// <summary>How it has behaved lately.</summary>
    public readonly InstanceHealth Health = new();

    /// <summary>How long it may be silent in the middle of an answer.</summary>
    public readonly StallBound Stall = new(peers.Stall);

    /// <summary>When any of its answers got on last; null if none ever did.</summary>
    public TimeSpan? LastTokenAt;

    /// <summary>Requests held in the router for this instance.</summary>
    public readonly Claims Claims = new();

    /// <summary>Tokens of answers the leases have in the KV cache, as far as reported.</summary>
    public long AnswerTokens;

    /// <summary>Mean time from a dispatch to its end, seconds; the start is a guess.</summary>
    private double _leaseSeconds = 10;
    private double _tokensPerBlock = 64;

    /// <summary>Tokens of KV cache the running requests hold: their prompts, what they share counted once, and their answers so far.</summary>
    public long PinnedTokens => AnswerTokens + (long)(Prefixes.PinnedBlocks * _tokensPerBlock);

    /// <summary>Seconds in which leases that end free so many tokens.</summary>
    public double SecondsToFree(double tokens) => tokens * _leaseSeconds / Math.Max(1, PinnedTokens);

    /// <summary>Seconds until so many more tokens fit beside what is pinned: leases end at their usual pace.</summary>
    public double KvWait(long tokens) => Requests == 0 ? 0
        : SecondsToFree(Math.Max(0, PinnedTokens + tokens - KvCapacityTokens));

    /// <summary>Whether the engine, by its own account, queues for want of room.</summary>
    public bool IsFull => Requests > 0 && Report is { KvUsage: >= FullKv, Waiting: > 0 };

    /// <summary>From this share of its KV cache on, an engine that also queues has no room.</summary>
    private const double FullKv = 0.95;

    /// <summary>What one is kept waiting who comes to an engine that has no room, seconds, if nothing else tells of it: it serves its queue in order, and took room
    /// from an answer, most likely, which is the first to have it back.</summary>
    private const double FullSeconds = 1;

    /// <summary>Seconds for which nothing of what is sent there will probably be computed, beyond its line: a line that is overdue goes on being so for as
    /// long again.</summary>
    public double StuckSeconds(TimeSpan now) => Math.Max(Line.OverdueSeconds(now), IsFull ? FullSeconds : 0);

    /// <summary>Requests the engine has that this router did not send: other gateways' and direct clients'.</summary>
    public int ForeignRequests;
    private int _lastSurplus;

    /// <summary>No engine has more; what claims to must not overflow the sums it enters.</summary>
    private const int MostForeignRequests = 1_000_000;

    /// <summary>When the engine's process started, by the last report that said so.</summary>
    private double? _startedAt;

    /// <summary>The latest of them: an address that several processes share, as a service's, tells now of one and now of the other.</summary>
    private double? _newestStart;

    /// <summary>A request failed here, and until then the probe that follows may say that the instance is well.</summary>
    public TimeSpan DoubtedUntil;

    /// <summary>After the engine shed a request it is left alone until then.</summary>
    public TimeSpan BusyUntil;

    /// <summary>When the pool looks after it by the clock; never, unless somebody waits.</summary>
    public TimeSpan WakesAt = TimeSpan.MaxValue;

    /// <summary>Sequence number of the last dispatch: among equals the one rested longest is taken.</summary>
    public long LastDispatch;

    public long KvCapacityTokens = options.KvCapacityTokens;

    /// <summary>Prompt tokens a second at the start of a prompt, learned from this instance's own first tokens.</summary>
    public double PrefillRate => Line.Rate;

    /// <summary>Prefill work that others queued here, tokens, where that is known; null where it has to be guessed.</summary>
    public long? ForeignPrefillTokens;

    /// <summary>Prefill work queued here, tokens: this router's, and what others left waiting.</summary>
    public long Backlog(TokenEstimates estimates) =>
        PendingPrefillTokens + (ForeignPrefillTokens ?? (long)(Math.Min(ForeignRequests, Report?.Waiting ?? 0) * estimates.MeanPromptTokens));

    /// <summary>Why nobody at all is given to it at the moment; null if somebody may be.</summary>
    public string? Closed(TimeSpan now, PoolOptions options) =>
        BusyUntil > now ? "engine-busy" : Requests >= Health.Slots ? "readmission" : AllRequests >= options.MaxRequestsPerInstance ? "request-limit" : null;

    public bool Serves(string model) => State == InstanceState.Ready && Models.Contains(model, StringComparer.Ordinal);

    public int AllRequests => Requests + ForeignRequests;

    public void Take(InFlight work)
    {
        Requests++;
        PendingPrefillTokens += work.UncachedTokens;
        DecodeTokens += work.ProjectedOutput;
        KvTokens += work.UncachedTokens + work.ProjectedOutput;
        PromptTokens += work.PromptTokens;
        AnswerTokens += work.Emitted;
        HighRequests += work.Request.Priority > 0 ? 1 : 0;
        Prefilling.Add(work);
        Line.Add(work, work.DispatchedAt);
    }

    /// <summary>Gives back all that <paramref name="work"/> still holds here.</summary>
    public void Release(InFlight work)
    {
        Requests--;
        if (EndPrefill(work))
            Line.Drop(work);
        else
            EndAnswer(work);
        HighRequests -= work.Request.Priority > 0 ? 1 : 0;
        AnswerTokens -= work.OutputTokens + work.Emitted;
        DecodeTokens -= work.RemainingOutput;
        KvTokens -= work.UncachedTokens + work.ProjectedOutput;
        PromptTokens -= work.PromptTokens;
        if (Requests == 0)
            Pace.Rest();
    }

    /// <summary>The prompt of <paramref name="work"/> is computed here, or need not be any more; false if that was known.</summary>
    public bool EndPrefill(InFlight work)
    {
        if (!Prefilling.Remove(work))
            return false;
        PendingPrefillTokens -= work.UncachedTokens;
        return true;
    }

    public void BeginAnswer(InFlight work)
    {
        work.AnsweringAt = Answering.Count;
        Answering.Add(work);
    }

    private void EndAnswer(InFlight work)
    {
        InFlight last = Answering[^1];
        Answering[last.AnsweringAt = work.AnsweringAt] = last;
        Answering.RemoveAt(Answering.Count - 1);
    }

    /// <summary>From when on the instance is to be given another prompt: the line is short, though never so short that the engine runs dry,
    /// and the answers here keep their pace.</summary>
    public TimeSpan FreeAt(TimeSpan now)
    {
        TimeSpan line = now + TimeSpan.FromSeconds(Math.Max(0, Line.Seconds(now) - LineSeconds));
        return Requests == 0 || Pace.FreeAt < line ? line : Pace.FreeAt;
    }

    /// <summary>A lease that began <paramref name="seconds"/> ago ends.</summary>
    public void Leased(double seconds) => _leaseSeconds += 0.05 * (seconds - _leaseSeconds);

    /// <summary>Sets the ledger beside what the engine says it has.</summary>
    /// <returns>Whether its process is a new one.</returns>
    public bool Reconcile(EngineReport report, TimeSpan at, TokenEstimates estimates)
    {
        if (_startedAt is { } before && report.StartedAtSeconds is { } started && started != before)
            Prefixes.Clear();
        _startedAt = report.StartedAtSeconds ?? _startedAt;
        bool isNew = _startedAt > _newestStart;
        _newestStart = isNew || _newestStart is null ? _startedAt : _newestStart;
        Report = report;
        ReportedAt = at;
        _tokensPerBlock = estimates.Tokens(1);
        KvCapacityTokens = report.KvCapacityTokens ?? KvCapacityTokens;
        Prefixes.CapacityBlocks = estimates.Blocks(KvCapacityTokens);
        // A report is a moment old: what has ended since still counts in it. Only a surplus seen twice is someone else's.
        int surplus = (int)Math.Clamp((long)(report.Running ?? 0) + (report.Waiting ?? 0) - Requests, 0, MostForeignRequests);
        ForeignRequests = Math.Min(surplus, _lastSurplus);
        _lastSurplus = surplus;
        return isNew;
    }
}
