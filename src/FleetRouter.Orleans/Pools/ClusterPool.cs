using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Journal;
using FleetRouter.Orleans.Wire;

namespace FleetRouter.Orleans.Pools;

/// <summary>A pool of the cluster as this gateway reaches it. Where the pool does not answer within the budget the gateway places requests itself, on
/// what the pool told last, and reports that afterwards: no request waits for a pool that is gone.</summary>
internal sealed class ClusterPool : IPool, IAsyncDisposable
{
    /// <summary>Requests, and blocks of their prompts, of which it is remembered where they were: minutes of a busy gateway, and megabytes.</summary>
    private const int MostRemembered = 2_048, MostBlocks = 262_144;

    private readonly Lock _gate = new();
    private readonly Queue<(PlacementRequest Request, string Instance)> _memory = [];
    private int _memoryBlocks;
    private readonly Dictionary<string, Underway> _underway = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Uri> _addresses = new(StringComparer.Ordinal);
    private readonly FallbackPool _fallback;
    private readonly PoolLink _link;
    private readonly IPoolGrain _grain;
    private readonly HostClock _clock;
    private readonly ClusterFigures _figures;
    private readonly Action<string, PoolEffect> _report;
    private readonly string _gateway;
    private ServedModels _served = PoolSnapshot.Empty.Served;

    /// <summary>Reaches a pool from now on.</summary>
    /// <param name="options">What it is told.</param>
    /// <param name="gateway">This gateway's name among all.</param>
    /// <param name="grains">The cluster.</param>
    /// <param name="cluster">How long it is waited for.</param>
    /// <param name="clock">The gateway's clock.</param>
    /// <param name="figures">Told of every request placed here.</param>
    /// <param name="report">Told what is decided here.</param>
    public ClusterPool(
        PoolOptions options, string gateway, IGrainFactory grains, ClusterOptions cluster, HostClock clock, ClusterFigures figures, Action<string, PoolEffect> report)
    {
        (Options, _gateway, _clock, _figures, _report) = (options, gateway, clock, figures, report);
        _fallback = new FallbackPool(options);
        _grain = grains.GetGrain<IPoolGrain>(options.Name);
        _link = new PoolLink(_grain, grains, gateway, cluster.PlacementBudget, TimeProvider.System)
        {
            Dispatched = DispatchedIds, Missing = Missing, Told = Took, Taken = HoldUnanswered, Late = PlaceWaiting,
        };
        _link.Start();
    }

    /// <inheritdoc />
    public PoolOptions Options { get; private set; }

    /// <inheritdoc />
    public ServedModels Served => Volatile.Read(ref _served);

    /// <summary>Whether the pool answers.</summary>
    public bool IsReached => _link.IsPrompt;

    /// <inheritdoc />
    public Task<Placement> PlaceAsync(PlacementRequest request, CancellationToken clientGone, Action<CarryOver>? carryOver = null)
    {
        var work = new Underway(request) { CarryOver = carryOver };
        lock (_gate)
            _underway.Add(request.Id, work);
        return AskAsync(work, () => new Place(RequestOnWire.Of(request, _gateway)), clientGone);
    }

    /// <inheritdoc />
    public Task<Placement> RetryAsync(string requestId, AttemptFailure failure, string reason, int emittedTokens, CancellationToken clientGone)
    {
        Underway work;
        Retry question;
        lock (_gate)
        {
            work = _underway[requestId];
            question = new Retry(Running(work), (int)failure, reason, emittedTokens);
            if (emittedTokens > work.Emitted)
                work.Failed.Clear();
            else if (failure.RulesOut(emittedTokens))
                work.Failed.Add(work.Instance!);
            (work.Emitted, work.OutputTokens, work.Instance) = (emittedTokens, 0, null);
            work.Attempt++;
        }
        return AskAsync(work, () => question, clientGone);
    }

    /// <inheritdoc />
    public void Progressed(string requestId, int outputTokens, TimeSpan longestGap = default)
    {
        lock (_gate)
            if (_underway.TryGetValue(requestId, out Underway? work))
                work.OutputTokens = outputTokens;
        _link.Send(new Progress(requestId, outputTokens, longestGap));
    }

    /// <inheritdoc />
    public void MigrationEnded(string requestId, int emittedTokens, string? failure = null)
    {
        lock (_gate)
            if (failure is null && _underway.TryGetValue(requestId, out Underway? work) && work.Wanted is { } to)
            {
                (work.Emitted, work.OutputTokens) = (emittedTokens, 0);
                work.IsAt(to.Instance!, _clock.Now);
            }
        _link.Send(new Carried(requestId, emittedTokens, failure));
    }

    /// <inheritdoc />
    public void HedgeEnded(string requestId, HedgeEnd end, AttemptFailure? failure = null, string? reason = null)
    {
        lock (_gate)
            if (end != HedgeEnd.SecondFailed && _underway.TryGetValue(requestId, out Underway? work) && work.Wanted is { } to)
                work.IsAt(to.Instance!, _clock.Now);
        _link.Send(new HedgeOver(requestId, (int)end, (int?)failure, reason));
    }

    /// <inheritdoc />
    public void Ended(string requestId, RequestEnd end, TokenUsage? usage)
    {
        lock (_gate)
        {
            if (_underway.Remove(requestId, out Underway? work) && work.Instance is { } instance)
                Remember(work.Request, instance);
            _fallback.Forget(_clock.Now, requestId);
        }
        _link.Send(new Over(requestId, (int)end, UsageOnWire.Of(usage)));
    }

    /// <inheritdoc />
    public async Task<InstanceView?> DrainAsync(string instance, bool drains, TimeSpan within, TimeSpan wait, CancellationToken gone) =>
        await _link.AskAsync(() => _grain.DrainAsync(instance, drains, within, wait), wait, gone) is { } json ? JsonSerializer.Deserialize<InstanceView>(json, Json) : null;

    /// <inheritdoc />
    public async Task<PoolView> DescribeAsync() =>
        JsonSerializer.Deserialize<PoolView>(await _link.AskAsync(_grain.DescribeAsync, TimeSpan.Zero, CancellationToken.None), Json)!;

    /// <summary>What this gateway knows of the pool's options; the pool itself takes those of the silo it runs on.</summary>
    public void Change(PoolOptions options)
    {
        lock (_gate)
            Options = _fallback.Options = options;
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => _link.DisposeAsync();

    /// <summary>Newer builds may say more.</summary>
    private static readonly JsonSerializerOptions Json = new(JournalJson.Options) { UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Skip };

    private async Task<Placement> AskAsync(Underway work, Func<ToPool> question, CancellationToken clientGone)
    {
        var answer = new TaskCompletionSource<Placement>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            work.Answer = answer;
            work.Question = question;
            if (!_link.TrySend(question()))
                PlaceHere(work);
        }
        if (answer.Task.IsCompleted)
            return await answer.Task;
        await using (clientGone.UnsafeRegister(_ =>
        {
            if (answer.TrySetCanceled(clientGone))
                Ended(work.Request.Id, RequestEnd.ClientGone, null);
        }, null))
            return await answer.Task;
    }

    /// <summary>Under the gate.</summary>
    private void Remember(PlacementRequest request, string instance)
    {
        _memory.Enqueue((request, instance));
        _memoryBlocks += request.Prompt.Hashes.Length;
        while (_memory.Count > MostRemembered || _memoryBlocks > MostBlocks)
            _memoryBlocks -= _memory.Dequeue().Request.Prompt.Hashes.Length;
    }

    /// <summary>Under the gate. The request goes where this gateway alone would send it; the pool is told.</summary>
    private void PlaceHere(Underway work)
    {
        PoolEffect placed = _fallback.Place(_clock.Now, work.Request, work.Attempt, work.Emitted, work.Failed);
        _report(Options.Name, placed);
        _figures.PlacedHere(Options.Name);
        if (placed is Dispatch to)
        {
            work.IsAt(to.Instance, _clock.Now);
            _link.Send(new Adopt(Running(work)));
            work.Resolve(new Placement(to.Instance, _addresses[to.Instance], null, to.Decision.Attempt) { Patience = to.Patience });
        }
        else
            work.Resolve(new Placement(null, null, ((Refuse)placed).Refusal, work.Attempt));
    }

    /// <summary>The pool is late, or gone: who waits is placed here.</summary>
    private void PlaceWaiting(bool alsoHeld)
    {
        lock (_gate)
            foreach (Underway work in _underway.Values.Where(w => w.Answer is not null && (alsoHeld || !w.IsHeld)).ToList())
                PlaceHere(work);
    }

    private IReadOnlyList<string> DispatchedIds()
    {
        lock (_gate)
            return [.. _underway.Values.Where(w => w.Instance is not null).Select(w => w.Request.Id)];
    }

    /// <summary>What the pool has to be told: where the requests are that it does not know, and if it begins anew where those before were. Who
    /// waits asks again.</summary>
    private IReadOnlyList<ToPool> Missing(Seated seated)
    {
        lock (_gate)
            return
            [
                .. seated.IsNew ? _memory.Select(m => new Remember(RequestOnWire.Of(m.Request, _gateway), m.Instance)) : [],
                .. seated.Unknown.Select(id => _underway.GetValueOrDefault(id)).Where(w => w?.Instance is not null).Select(w => new Adopt(Running(w!))),
                .. _underway.Values.Where(w => w.Answer is not null).Select(w => w.Question!()),
            ];
    }

    private RunningOnWire Running(Underway work) => new(
        RequestOnWire.Of(work.Request, _gateway), work.Instance!, work.Attempt, work.Emitted, work.OutputTokens, _clock.Now - work.Since);

    private void Took(ToGateway message)
    {
        lock (_gate)
            switch (message)
            {
                case SnapshotOnWire e: Renew(e); break;
                case PlacedOnWire e when _underway.TryGetValue(e.RequestId, out Underway? work) && work.Answer is not null: Answer(work, e); break;
                case Wanted e when _underway.TryGetValue(e.To.RequestId, out Underway? work): Want(work, e); break;
            }
    }

    private void Answer(Underway work, PlacedOnWire placed)
    {
        if (placed.Instance is { } instance)
        {
            if (placed.Attempt < work.Attempt)
                return;   // of the attempt before, which it was placed for here
            (work.Attempt, _addresses[instance]) = (placed.Attempt, placed.Address!);
            work.IsAt(instance, _clock.Now);
        }
        work.Resolve(placed.ToPlacement());
        if (work.Early is not { } wanted)
            return;
        work.Early = null;
        Want(work, wanted);
    }

    private void HoldUnanswered(IReadOnlyList<ToPool> asked)
    {
        lock (_gate)
            foreach (ToPool message in asked)
                if (((message as Place)?.Request ?? (message as Retry)?.Running.Request) is { Id: var id } && _underway.TryGetValue(id, out Underway? work))
                    work.IsHeld = work.Answer is not null;
    }

    private void Want(Underway work, Wanted wanted)
    {
        if (work.Answer is not null)
        {
            work.Early = wanted;   // what is told unasked may overtake an answer
            return;
        }
        if (work.Instance != wanted.From || work.CarryOver is not { } carryOver)
            return;   // it is elsewhere by now, of which the pool is told
        var wish = new CarryOver(wanted.From, wanted.To.ToPlacement(), wanted.AtOnce) { IsHedge = wanted.IsHedge };
        work.Wanted = wish.To;
        _addresses[wish.To.Instance!] = wish.To.Address!;
        if (wanted.AtOnce)
            work.IsAt(wish.To.Instance!, _clock.Now);
        carryOver(wish);
    }

    private void Renew(SnapshotOnWire told)
    {
        foreach (InstanceOnWire instance in told.Instances)
            _addresses[instance.Id] = instance.Address;
        _fallback.Snapshot = told.ToSnapshot();
        ServedModels served = _fallback.Snapshot.Served;
        if (served.Awaiting != _served.Awaiting || !served.Models.SequenceEqual(_served.Models))
            Volatile.Write(ref _served, served);
    }
}
