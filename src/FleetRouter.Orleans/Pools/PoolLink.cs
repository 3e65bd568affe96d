using System.Threading.Channels;
using FleetRouter.Hosting;
using FleetRouter.Orleans.Wire;

namespace FleetRouter.Orleans.Pools;

/// <summary>A gateway's line to one pool: what is said in order, in batches, one under way at a time, so that under load a call carries what came
/// while the one before was out. Takes a seat at the pool, and takes it anew when the pool was lost.</summary>
/// <remarks>Calls back without any lock of its own held.</remarks>
/// <param name="pool">The pool.</param>
/// <param name="grains">The cluster.</param>
/// <param name="gateway">This gateway's name among all.</param>
/// <param name="budget">How long an answer is waited for before requests are placed here.</param>
/// <param name="time">The clock.</param>
internal sealed class PoolLink(IPoolGrain pool, IGrainFactory grains, string gateway, TimeSpan budget, TimeProvider time) : IGatewayObserver, IAsyncDisposable
{
    /// <summary>A pool that heard nothing for longer takes the gateway for gone (<see cref="PoolGrain"/> waits five times as long).</summary>
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(1);

    /// <summary>How long a call may take before the pool counts as lost. A call to a silo that died hangs until the others have noticed.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>How long what needs no answer waits for a question to go with: a first token or an end told so much sooner moves nothing, and costs
    /// a call of its own.</summary>
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(2);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private Alarm _alarm = null!;
    private List<ToPool> _queue = [];
    private Guid _seat;
    private bool _isSitting, _isSeated, _isDue, _isOut, _isLate;
    private TaskCompletionSource _lost = new();
    private Task _running = Task.CompletedTask;

    /// <summary>Ids of the requests that are dispatched.</summary>
    public required Func<IReadOnlyList<string>> Dispatched { get; init; }

    /// <summary>What the pool has to be told first, given what it said.</summary>
    public required Func<Seated, IReadOnlyList<ToPool>> Missing { get; init; }

    /// <summary>The pool said something.</summary>
    public required Action<ToGateway> Told { get; init; }

    /// <summary>The pool took these; what it did not answer it holds.</summary>
    public required Action<IReadOnlyList<ToPool>> Taken { get; init; }

    /// <summary>The pool does not answer in time; whether it is lost, and what it held with it.</summary>
    public required Action<bool> Late { get; init; }

    /// <summary>Whether the pool answers in time.</summary>
    public bool IsPrompt
    {
        get
        {
            lock (_gate)
                return _isSeated && !_isLate;
        }
    }

    /// <summary>Begins.</summary>
    public void Start()
    {
        _alarm = new Alarm(time, Ring);
        _running = Task.Run(RunAsync);
    }

    /// <summary>Asks something; false if an answer is not to be expected in time.</summary>
    public bool TrySend(ToPool question)
    {
        lock (_gate)
        {
            if (!_isSeated || _isLate)
                return false;
            _queue.Add(question);
            _isDue = true;
            if (!_isOut)
                _wake.Writer.TryWrite(true);
        }
        return true;
    }

    /// <summary>Tells something. While there is no seat it need not be told: who takes one tells all there is.</summary>
    public void Send(ToPool message)
    {
        lock (_gate)
        {
            if (!_isSeated && !_isSitting)
                return;
            _queue.Add(message);
            if (_queue.Count == 1 && !_isOut)
                _alarm.Set(Gather);
        }
    }

    /// <summary>A call beside the line.</summary>
    /// <exception cref="PoolUnavailableException">The pool does not answer.</exception>
    public async Task<T> AskAsync<T>(Func<Task<T>> call, TimeSpan longest, CancellationToken gone)
    {
        try
        {
            return await call().WaitAsync(longest + Patience, time, gone);
        }
        catch (Exception e) when (!gone.IsCancellationRequested)
        {
            throw new PoolUnavailableException($"the cluster cannot ask the pool now ({(e is TimeoutException ? "no answer in time" : e.Message.ReplaceLineEndings(" "))}); try again", e);
        }
    }

    /// <inheritdoc />
    public Task TakeAsync(Guid seat, IReadOnlyList<ToGateway> messages)
    {
        lock (_gate)
            if (_seat != seat)
                throw new InvalidOperationException("this gateway has another seat by now");
        foreach (ToGateway message in messages)
            Told(message);
        return Task.CompletedTask;
    }

    /// <summary>Leaves the pool, so that it need not find out.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _wake.Writer.TryComplete();
        lock (_gate)
            _lost.TrySetResult();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _alarm.DisposeAsync();
        await pool.LeaveAsync(gateway).WaitAsync(Patience, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task RunAsync()
    {
        var address = grains.CreateObjectReference<IGatewayObserver>(this);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (!_isSeated)
                    await SitAsync(address);
                await ExchangeAsync();
            }
            catch (Exception)
            {
                // Whatever it was, the pool is lost to this gateway until it has a seat again.
                Lose();
                await Task.Delay(Pause, time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        grains.DeleteObjectReference<IGatewayObserver>(address);
    }

    private async Task SitAsync(IGatewayObserver address)
    {
        var seat = Guid.NewGuid();
        lock (_gate)
            (_queue, _seat, _isSitting) = ([], seat, true);
        Seated seated = await pool.SitAsync(gateway, seat, address, Dispatched()).WaitAsync(Patience + Patience, time, _stop.Token);
        IReadOnlyList<ToPool> missing = Missing(seated);
        lock (_gate)
        {
            _queue.InsertRange(0, missing);
            (_isSeated, _isSitting, _isLate, _isDue, _lost) = (true, false, false, true, new TaskCompletionSource());
        }
        Told(seated.Snapshot);   // last: who sees what is served finds a pool that answers
    }

    private async Task ExchangeAsync()
    {
        while (!_isDue)
            await _wake.Reader.ReadAsync();
        List<ToPool> batch;
        lock (_gate)
        {
            (batch, _queue, _isDue, _isOut) = (_queue, [], false, true);
            _alarm.Set(budget);
        }
        PoolReply reply = await ReplyAsync(pool.ExchangeAsync(new GatewayBatch(gateway, _seat, batch)));
        if (!reply.Taken)
            throw new InvalidOperationException("the pool does not know this gateway");
        lock (_gate)
        {
            (_isOut, _isLate) = (false, false);
            _alarm.Set(_queue.Count > 0 ? Gather : Heartbeat);
        }
        foreach (ToGateway message in reply.Messages)
            Told(message);
        Taken(batch);
    }

    private async ValueTask<PoolReply> ReplyAsync(Task<PoolReply> call)
    {
        if (!call.IsCompleted && await Task.WhenAny(call, _lost.Task) != call)
            throw new TimeoutException("the pool does not answer");
        return await call;
    }

    /// <summary>It is time to say something; or, past the budget, nobody waits for the answer any more; or, past patience, the pool counts as lost.</summary>
    private void Ring()
    {
        lock (_gate)
        {
            if (!_alarm.IsDue())
                return;
            if (!_isOut)
            {
                _isDue = true;
                _wake.Writer.TryWrite(true);
                return;
            }
            if (_isLate)
            {
                _lost.TrySetResult();
                return;
            }
            _isLate = true;
            _alarm.Set(Patience);
        }
        Late(false);
    }

    private void Lose()
    {
        lock (_gate)
            (_isSeated, _isSitting, _isOut, _isLate) = (false, false, false, true);
        Late(true);
    }
}
