using System.Collections.Concurrent;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Health;
using FleetRouter.Domain.Placement;
using FleetRouter.Hosting.Journal;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Hosting;

/// <summary>Runs one pool's judgement in this process: a mailbox in front of it, the wall clock beside it, its effects
/// carried out.</summary>
public sealed class PoolHost : IPool, IInstanceReports, IDisposable
{
    private readonly Pool _pool;
    private readonly HostClock _clock;
    private readonly Action<string, PoolEffect> _report;
    private readonly IJournal? _journal;
    private readonly Mailbox<Message> _mailbox;
    private readonly List<PoolEffect> _effects = [];
    private readonly Dictionary<string, TaskCompletionSource<Placement>> _waiting = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Action<CarryOver>> _carryOver = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _gatewayOf = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _emptying = new(StringComparer.Ordinal);
    // An address stays when its instance leaves: a dispatch decided just before may still ask for it.
    private readonly ConcurrentDictionary<string, Uri> _addresses = new(StringComparer.Ordinal);
    private readonly ITimer _alarm;
    private ServedModels _served = ServedModels.None;

    /// <summary>A pool without instances.</summary>
    /// <param name="options">What its judgement is told.</param>
    /// <param name="clock">The time its events are stamped with.</param>
    /// <param name="report">Told the pool's name and every effect as it is carried out, one at a time: for logs, metrics and the decision log.</param>
    /// <param name="journal">Told every event with what was decided upon it; begun with the same options and clock.</param>
    public PoolHost(PoolOptions options, HostClock clock, Action<string, PoolEffect> report, IJournal? journal = null)
    {
        _pool = new Pool(options);
        Options = options;
        _clock = clock;
        _report = report;
        _journal = journal;
        _mailbox = new Mailbox<Message>(Handle);
        _alarm = clock.Provider.CreateTimer(_ => Post(new AlarmRang(clock.Now)), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc />
    public PoolOptions Options { get; private set; }

    /// <inheritdoc />
    public ServedModels Served => Volatile.Read(ref _served);

    /// <summary>Asked to probe an instance at once; set by whoever probes the pool's instances.</summary>
    internal Action<string>? ProbeRequested { get; set; }

    /// <inheritdoc />
    public Task<Placement> PlaceAsync(PlacementRequest request, CancellationToken clientGone, Action<CarryOver>? carryOver = null)
    {
        if (carryOver is not null)
            _carryOver[request.Id] = carryOver;
        return AskAsync(new RequestArrived(_clock.Now, request), request.Id, clientGone);
    }

    /// <inheritdoc />
    public Task<Placement> RetryAsync(
        string requestId, AttemptFailure failure, string reason, int emittedTokens, CancellationToken clientGone) =>
        AskAsync(new AttemptFailed(_clock.Now, requestId, failure, reason, emittedTokens), requestId, clientGone);

    /// <inheritdoc />
    public void Progressed(string requestId, int outputTokens, TimeSpan longestGap = default) =>
        Post(new RequestProgressed(_clock.Now, requestId, outputTokens, longestGap));

    /// <inheritdoc />
    public void MigrationEnded(string requestId, int emittedTokens, string? failure = null) =>
        Post(new MigrationEnded(_clock.Now, requestId, emittedTokens, failure));

    /// <inheritdoc />
    public void HedgeEnded(string requestId, HedgeEnd end, AttemptFailure? failure = null, string? reason = null) =>
        Post(new HedgeEnded(_clock.Now, requestId, end, failure, reason));

    /// <inheritdoc />
    public async Task<InstanceView?> DrainAsync(string instance, bool drains, TimeSpan within, TimeSpan wait, CancellationToken gone)
    {
        if (await FindAsync(instance) is not { } before)
            return null;
        TaskCompletionSource? emptied = drains ? _emptying.GetOrAdd(instance, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)) : null;
        Post(new DrainOrdered(_clock.Now, instance, drains) { Within = within });
        if (emptied is not null && wait > TimeSpan.Zero)
            await emptied.Task.WaitAsync(wait, _clock.Provider, gone).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return await FindAsync(instance) ?? before with { State = InstanceState.Gone, Reason = "no longer named by discovery; empty", Leases = 0 };
    }

    private async Task<InstanceView?> FindAsync(string instance)
    {
        PoolView view = await DescribeAsync();
        return view.Instances.Concat(view.Leaving).FirstOrDefault(i => i.Id == instance);
    }

    /// <inheritdoc />
    public void Ended(string requestId, RequestEnd end, TokenUsage? usage) => Post(new RequestEnded(_clock.Now, requestId, end, usage));

    /// <summary>Gives the judgement other options; what is in flight stays.</summary>
    public void Change(PoolOptions options)
    {
        Options = options;
        Post(new OptionsChanged(_clock.Now, options));
    }

    /// <inheritdoc />
    public Task<PoolView> DescribeAsync() => LookAsync(pool => pool.Describe());

    /// <summary>What a gateway needs to place requests itself while the pool does not answer.</summary>
    public Task<PoolSnapshot> SnapshotAsync() => LookAsync(pool => pool.Snapshot());

    /// <summary>Where an instance of this pool is; null if it never had one of that name.</summary>
    public Uri? AddressOf(string instance) => _addresses.GetValueOrDefault(instance);

    /// <summary>Reports that a request is at an instance, whatever the pool believed (<see cref="RequestAdopted"/>).</summary>
    public void Adopt(PlacementRequest request, string instance, int attempt, int emittedTokens, int outputTokens, TimeSpan runningFor, bool ifUnknown, Action<CarryOver>? carryOver)
    {
        if (carryOver is not null)
            _carryOver[request.Id] = carryOver;
        Post(new RequestAdopted(_clock.Now, request, instance, attempt, emittedTokens, outputTokens, runningFor) { IfUnknown = ifUnknown });
    }

    /// <summary>Reports where a request was before the pool began (<see cref="PlacementRemembered"/>).</summary>
    public void Remember(PlacementRequest request, string instance) => Post(new PlacementRemembered(_clock.Now, request, instance));

    /// <summary>What is worth keeping of what the pool has learned; null before the first answer.</summary>
    public Task<LearnedProfile?> LearnedAsync() => LookAsync(pool => pool.Learned);

    /// <summary>Tells what the pool had learned in an earlier life (<see cref="ProfileRecalled"/>).</summary>
    public void Recall(LearnedProfile profile) => Post(new ProfileRecalled(_clock.Now, profile));

    /// <summary>Reports all the requests that a gateway has (<see cref="Domain.Fleet.GatewayHas"/>).</summary>
    /// <returns>Those of them that the pool does not know.</returns>
    public Task<IReadOnlyList<string>> GatewayHasAsync(string gateway, IReadOnlyList<string> requests)
    {
        Post(new GatewayHas(_clock.Now, gateway, requests));
        return LookAsync(pool => pool.Unknown(requests));
    }

    internal void Join(EngineEndpoint endpoint)
    {
        _addresses[endpoint.Id] = endpoint.Address;
        Post(new InstanceJoined(_clock.Now, endpoint.Id));
    }

    internal void Leave(string instance) => Post(new InstanceLeft(_clock.Now, instance));

    /// <inheritdoc />
    public void Probed(string instance, EngineReport report) => Post(new InstanceProbed(_clock.Now, instance, report));

    /// <inheritdoc />
    public void ProbeFailed(string instance, string reason) => Post(new ProbeFailed(_clock.Now, instance, reason));

    /// <inheritdoc />
    public void Dispose() => _alarm.Dispose();

    private void Post(PoolEvent happened) => _mailbox.Post(new Message(happened, null, null));

    private Task<T> LookAsync<T>(Func<Pool, T> look)
    {
        var seen = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _mailbox.Post(new Message(null, null, pool => seen.SetResult(look(pool))));
        return seen.Task;
    }

    /// <summary>Returns once all that was reported before is handled: who has no answer by then is held.</summary>
    public Task HandledAsync() => LookAsync(_ => true);

    private Task<Placement> AskAsync(PoolEvent question, string requestId, CancellationToken clientGone)
    {
        var answer = new TaskCompletionSource<Placement>(TaskCreationOptions.RunContinuationsAsynchronously);
        _mailbox.Post(new Message(question, answer, null));
        return answer.Task.IsCompleted || !clientGone.CanBeCanceled ? answer.Task : WhileHeldAsync(answer, requestId, clientGone);
    }

    private async Task<Placement> WhileHeldAsync(TaskCompletionSource<Placement> answer, string requestId, CancellationToken clientGone)
    {
        await using (clientGone.UnsafeRegister(_ =>
        {
            Post(new RequestEnded(_clock.Now, requestId, RequestEnd.ClientGone));
            answer.TrySetCanceled(clientGone);
        }, null))
            return await answer.Task;
    }

    /// <summary>The mailbox's handler: everything the judgement and <see cref="_waiting"/> see is serialised here.</summary>
    private void Handle(Message message)
    {
        if (message.Look is { } look)
        {
            look(_pool);
            return;
        }
        if (message.Answer is { } answer)
            _waiting[IdOf(message.Happened!)] = answer;
        switch (message.Happened)
        {
            case RequestArrived { Request: { Gateway: { } gateway } request }: _gatewayOf[request.Id] = gateway; break;
            case RequestAdopted { Request: { Gateway: { } gateway } request }: _gatewayOf[request.Id] = gateway; break;
            case RequestEnded e: Forget(e.RequestId); break;
            case GatewayHas e:
                var has = e.Requests.ToHashSet(StringComparer.Ordinal);
                foreach (string id in _gatewayOf.Where(r => r.Value == e.Gateway && !has.Contains(r.Key)).Select(r => r.Key).ToList())
                    Forget(id);
                break;
        }

        _effects.Clear();
        _pool.Handle(message.Happened!, _effects);
        foreach (PoolEffect effect in _effects)
            CarryOut(effect);
        _journal?.Add(message.Happened!, _effects);
        if (!ReferenceEquals(_served, _pool.Served))
            Volatile.Write(ref _served, _pool.Served);
        foreach (PoolEffect effect in _effects)
            _report(Options.Name, effect);
    }

    private void CarryOut(PoolEffect effect)
    {
        switch (effect)
        {
            case Dispatch e: Answer(e.RequestId, At(e.Instance, e.Decision, e.Patience)); break;
            case Migrate e: AskToCarryOver(e.RequestId, e.From, At(e.To, e.Decision, e.Patience), atOnce: false); break;
            case Move e: AskToCarryOver(e.RequestId, e.From, At(e.To, e.Decision, e.Patience), atOnce: true); break;
            case Hedge e: AskToCarryOver(e.RequestId, e.From, At(e.To, e.Decision, e.Patience), atOnce: false, isHedge: true); break;
            case InstanceEmptied e: Emptied(e.Instance); break;
            case InstanceChanged { From: InstanceState.Draining, To: not InstanceState.Gone } e: Emptied(e.Instance); break;
            case Refuse e: Answer(e.RequestId, new Placement(null, null, e.Refusal, e.Decision.Attempt)); break;
            case ProbeNow e: ProbeRequested?.Invoke(e.Instance); break;
            case WakeAt e: _alarm.Change(WholeMilliseconds(e.At - _clock.Now), Timeout.InfiniteTimeSpan); break;
        }
    }

    private void Forget(string requestId)
    {
        _waiting.Remove(requestId);
        _carryOver.TryRemove(requestId, out _);
        _gatewayOf.Remove(requestId);
    }

    private Placement At(string instance, Decision decision, Patience patience) => new(instance, _addresses[instance], null, decision.Attempt) { Patience = patience };

    private void AskToCarryOver(string requestId, string from, Placement to, bool atOnce, bool isHedge = false)
    {
        if (_carryOver.TryGetValue(requestId, out Action<CarryOver>? carryOver))
            carryOver(new CarryOver(from, to, atOnce) { IsHedge = isHedge });
    }

    /// <summary>Nobody need wait for it any more: it is empty, or to be emptied no longer.</summary>
    private void Emptied(string instance)
    {
        if (_emptying.TryRemove(instance, out TaskCompletionSource? emptied))
            emptied.TrySetResult();
    }

    private void Answer(string requestId, Placement placement)
    {
        if (_waiting.Remove(requestId, out TaskCompletionSource<Placement>? answer))
            answer.TrySetResult(placement);
    }

    /// <summary>Rounded up, since timers round down: an alarm that rings too early is only asked for again, at once and over again.</summary>
    private static TimeSpan WholeMilliseconds(TimeSpan wait) => TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling(wait.TotalMilliseconds)));

    private static string IdOf(PoolEvent question) => question switch
    {
        RequestArrived e => e.Request.Id,
        AttemptFailed e => e.RequestId,
        _ => throw new InvalidOperationException($"{question.GetType().Name} asks for no placement"),
    };

    /// <summary>An event, with who awaits its answer; or a wish to see the state.</summary>
    private readonly record struct Message(PoolEvent? Happened, TaskCompletionSource<Placement>? Answer, Action<Pool>? Look);
}
