using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Engine;

/// <summary>
/// A vLLM engine (v1 scheduler) in virtual time: continuous batching with chunked prefill, a block prefix cache with
/// least-recently-used eviction, preemption by recomputation, and a roofline step time. It has no clock and no randomness:
/// the caller says what time it is, a discrete-event simulator and a server on the wall clock drive the same class.
/// </summary>
/// <remarks>
/// A step: one token budget, first for the running requests in the order they were scheduled, then for waiting ones, first
/// come first served, while budget, places and blocks last. A block becomes findable when it is scheduled to be full, as in
/// vLLM; generated tokens are cached too. At least the last token of a prompt is computed. Where no block is free, the
/// request scheduled last gives up its blocks and returns to the head of the queue.
/// Not modelled: CPU time per token in the API process, and steps scheduled ahead of the previous one's end.
/// Not safe for concurrent use.
/// </remarks>
public sealed partial class EngineModel
{
    private readonly BlockCache _blocks;
    private readonly SharedCache? _shared;
    private readonly Dictionary<long, EngineTask> _tasks = [];
    private readonly LinkedList<EngineTask> _waiting = new();
    private readonly List<EngineTask> _running = [];
    private readonly List<EngineTask> _preempted = [];
    private bool _inStep;

    /// <summary>An engine with an empty cache.</summary>
    /// <param name="profile">Model and hardware.</param>
    /// <param name="limits">Where it departs from the profile.</param>
    /// <param name="shared">A cache it shares with others; null, as in life, for none.</param>
    /// <exception cref="ArgumentException">A limit is below 1.</exception>
    public EngineModel(EngineProfile profile, EngineLimits? limits = null, SharedCache? shared = null)
    {
        _shared = shared;
        limits ??= new EngineLimits();
        Profile = profile;
        MaxSequences = AtLeastOne(limits.MaxSequences ?? profile.MaxSequences, "max sequences");
        MaxBatchedTokens = AtLeastOne(limits.MaxBatchedTokens ?? profile.MaxBatchedTokens, "max batched tokens");
        MaxQueuedRequests = AtLeastOne(limits.MaxQueuedRequests ?? int.MaxValue, "max queued requests");
        MaxQueuedTokens = AtLeastOne(limits.MaxQueuedTokens ?? int.MaxValue, "max queued tokens");
        _blocks = new BlockCache(AtLeastOne(limits.KvBlocks ?? profile.KvBlocks, "KV blocks"));
        MaxModelLength = (int)Math.Min(
            AtLeastOne(limits.MaxModelLength ?? profile.Model.MaxModelLength, "max model length"), _blocks.Capacity * (long)BlockHash.BlockSize);
    }

    /// <summary>Model and hardware.</summary>
    public EngineProfile Profile { get; }

    /// <summary>Requests one step may hold.</summary>
    public int MaxSequences { get; }

    /// <summary>Tokens one step may compute.</summary>
    public int MaxBatchedTokens { get; }

    /// <summary>Longest context in tokens, prompt and answer together.</summary>
    public int MaxModelLength { get; }

    /// <summary>Requests that may wait.</summary>
    public int MaxQueuedRequests { get; }

    /// <summary>Prompt tokens that may wait.</summary>
    public int MaxQueuedTokens { get; }

    /// <summary>Blocks of KV cache.</summary>
    public int KvBlocks => _blocks.Capacity;

    /// <summary>Blocks that requests hold; cached blocks no request holds are not among them.</summary>
    public int UsedBlocks => _blocks.Used;

    /// <summary>Blocks the prefix cache can find, held or not.</summary>
    public int CachedBlocks => _blocks.Cached;

    /// <summary>Requests in the batch.</summary>
    public int Running => _running.Count;

    /// <summary>Requests waiting.</summary>
    public int Waiting => _waiting.Count;

    /// <summary>Prompt tokens of the requests waiting.</summary>
    public long WaitingTokens { get; private set; }

    /// <summary>Prompt tokens still to be computed, of the requests waiting (their cached part is not known yet) and of those in the batch.</summary>
    public long PendingPrefillTokens
    {
        get
        {
            long pending = WaitingTokens;
            foreach (EngineTask task in _running)
                pending += task.Decodes ? 0 : task.Tokens - task.Computed;
            return pending;
        }
    }

    /// <summary>What it has done so far.</summary>
    public EngineCounters Counters { get; } = new();

    /// <summary>Hands a request to the engine.</summary>
    /// <exception cref="ArgumentException">A request of that id is in flight.</exception>
    public Admission Submit(EngineRequest request, TimeSpan now)
    {
        var admission = Admit(request);
        if (admission != Admission.Accepted)
        {
            Counters.Refused++;
            return admission;
        }
        var task = new EngineTask(request) { ReadyAt = now + Profile.ApiDelay };
        task.Times.Arrived = now;
        _tasks.Add(request.Id, task);
        task.Waiting = _waiting.AddLast(task);
        WaitingTokens += request.PromptTokens;
        Counters.Accepted++;
        return Admission.Accepted;
    }

    /// <summary>
    /// Gives a request up. Its blocks are freed at once, or at the end of the step it is part of; what it computed stays cached.
    /// </summary>
    /// <returns>Whether it was in flight.</returns>
    public bool Abort(long id)
    {
        if (!_tasks.Remove(id, out var task))
            return false;
        Counters.Aborted++;
        task.IsAborted = true;
        if (task.Waiting is not null)
        {
            Dequeue(task);
        }
        else if (task.Scheduled == 0)
        {
            _running.Remove(task);
            FreeBlocks(task);
        }
        return true;
    }

    /// <summary>Schedules a step. It ends <see cref="StepPlan.Duration"/> later, with <see cref="CompleteStep"/>.</summary>
    /// <exception cref="InvalidOperationException">A step is in flight.</exception>
    public StepPlan BeginStep(TimeSpan now)
    {
        if (_inStep)
            throw new InvalidOperationException("a step is in flight");
        int budget = MaxBatchedTokens;
        int preempted = _preempted.Count;
        for (int i = 0; i < _running.Count && budget > 0; i++)
            ScheduleRunning(_running[i], ref budget);
        // Those that were preempted go first; nobody else is let in before them.
        if (_preempted.Count == preempted)
            AdmitWaiting(now, ref budget);

        var load = Load();
        if (load.Sequences == 0)
            return new StepPlan(TimeSpan.Zero, _waiting.First?.Value.ReadyAt, load, default);
        _inStep = true;
        var time = StepTime.Of(Profile, load);
        return new StepPlan(TimeSpan.FromSeconds(time.Total), null, load, time);
    }

    /// <summary>Ends the step in flight.</summary>
    /// <param name="now">When it ends.</param>
    /// <param name="events">Gets what happened, preemptions first, then in the order of the batch.</param>
    /// <exception cref="InvalidOperationException">No step is in flight.</exception>
    public void CompleteStep(TimeSpan now, List<EngineEvent> events)
    {
        if (!_inStep)
            throw new InvalidOperationException("no step is in flight");
        _inStep = false;
        _blocks.Now = (int)now.TotalMilliseconds;
        Counters.Steps++;
        foreach (var task in _preempted)
        {
            if (!task.IsAborted)
                events.Add(new EngineEvent(EngineEventKind.Preempted, task.Request, task.Generated, now - task.Times.Arrived, task.Times));
        }
        _preempted.Clear();

        int kept = 0;
        for (int i = 0; i < _running.Count; i++)
        {
            var task = _running[i];
            bool ends = task.Scheduled > 0 && Advance(task, now, events);
            if (ends || task.IsAborted)
                FreeBlocks(task);
            else
                _running[kept++] = task;
        }
        _running.RemoveRange(kept, _running.Count - kept);
    }

    private void ScheduleRunning(EngineTask task, ref int budget)
    {
        int tokens = Math.Min(task.Tokens - task.Computed, budget);
        while (!TryAllocate(task, tokens))
        {
            var victim = _running[^1];
            Preempt(victim);
            if (victim == task)
                return;
        }
        Schedule(task, tokens);
        budget -= tokens;
    }

    private bool TryAllocate(EngineTask task, int tokens)
    {
        int missing = BlocksFor(task.Computed + tokens) - task.Blocks.Count;
        if (missing > _blocks.Free)
            return false;
        for (int i = 0; i < missing; i++)
            task.Blocks.Add(_blocks.Take());
        return true;
    }

    private void Schedule(EngineTask task, int tokens)
    {
        task.Scheduled = tokens;
        int full = (task.Computed + tokens) / BlockHash.BlockSize;
        for (; task.Published < full; task.Published++)
        {
            _blocks.Publish(task.Blocks[task.Published], task.HashOf(task.Published));
            _shared?.Use(task.HashOf(task.Published));
        }
    }

    private void Preempt(EngineTask victim)
    {
        _running.RemoveAt(_running.Count - 1);
        FreeBlocks(victim);
        victim.Expects = null;
        victim.Computed = 0;
        victim.Published = 0;
        victim.Waiting = _waiting.AddFirst(victim);
        WaitingTokens += victim.Request.PromptTokens;
        _preempted.Add(victim);
        Counters.Preemptions++;
    }

    /// <summary>Books what a step computed for one request; true if the request is complete.</summary>
    private bool Advance(EngineTask task, TimeSpan now, List<EngineEvent> events)
    {
        if (!task.Decodes)
            Counters.ComputedPrefillTokens += task.Scheduled;
        task.Computed += task.Scheduled;
        task.Scheduled = 0;
        if (task.IsAborted || task.Computed < task.Tokens)
            return false;

        var (request, times) = (task.Request, task.Times);
        if (task.Generated == 0)
        {
            times.FirstToken = times.LastToken = now;
            Counters.PromptTokens += request.PromptTokens;
            Counters.CachedPromptTokens += times.CachedTokens;
        }
        if (request.OutputTokens > 0)
        {
            bool first = task.Generated++ == 0;
            Counters.GeneratedTokens++;
            events.Add(new EngineEvent(
                first ? EngineEventKind.FirstToken : EngineEventKind.Token, request, task.Generated,
                now - (first ? times.Arrived : times.LastToken), times));
            times.LastToken = now;
        }
        if (task.Generated < request.OutputTokens)
            return false;
        _tasks.Remove(request.Id);
        Counters.Finished++;
        events.Add(new EngineEvent(EngineEventKind.Finished, request, task.Generated, now - times.Arrived, times));
        return true;
    }

    private StepLoad Load()
    {
        int prefill = 0, decode = 0, sequences = 0;
        long context = 0;
        double pairs = 0;
        foreach (var task in _running)
        {
            if (task.Scheduled == 0)
                continue;
            sequences++;
            if (task.Decodes)
            {
                decode++;
                context += task.Tokens;
            }
            else
            {
                prefill += task.Scheduled;
                pairs += ((double)task.Scheduled * task.Computed) + (0.5 * task.Scheduled * task.Scheduled);
            }
        }
        return new StepLoad(prefill, pairs, decode, context, sequences);
    }

    /// <summary>Last block first, so that of one prefix the end is evicted before the beginning.</summary>
    private void FreeBlocks(EngineTask task)
    {
        for (int i = task.Blocks.Count - 1; i >= 0; i--)
        {
            _blocks.Release(task.Blocks[i]);
            if (i < task.Published)
                _shared?.Use(task.HashOf(i));
        }
        task.Blocks.Clear();
    }

    private static int BlocksFor(int tokens) => (tokens + BlockHash.BlockSize - 1) / BlockHash.BlockSize;

    private static int AtLeastOne(int value, string what) =>
        value >= 1 ? value : throw new ArgumentException($"{what} must be at least 1, not {value}");
}
