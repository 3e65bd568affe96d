using FleetRouter.Hosting;
using FleetRouter.Orleans.Wire;

namespace FleetRouter.Orleans.Pools;

/// <summary>One gateway at a pool: what it is told goes with the answer to its batch where it can, else in batches of its own, one after another.
/// Words come from the pool's threads.</summary>
internal sealed class GatewaySeat(IGatewayObserver address, TimeProvider time)
{
    /// <summary>How long a gateway may take to say that it got a batch; later it has to sit down anew.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly Lock _gate = new();
    private List<ToGateway>? _reply;
    private List<ToGateway> _unasked = [];
    private bool _isTelling;

    /// <summary>Names this seat.</summary>
    public Guid Id { get; } = Guid.NewGuid();

    /// <summary>Timestamp of the gateway's last word.</summary>
    public long HeardAt { get; set; } = time.GetTimestamp();

    /// <summary>Words to it were lost.</summary>
    public bool IsLost { get; private set; }

    /// <summary>Nothing more is told to it.</summary>
    public void Leave() => IsLost = true;

    public void BeginReply()
    {
        lock (_gate)
            _reply = [];
    }

    public IReadOnlyList<ToGateway> EndReply()
    {
        lock (_gate)
        {
            List<ToGateway> reply = _reply!;
            _reply = null;
            return reply;
        }
    }

    /// <summary>Tells it where a request goes, as soon as that is known.</summary>
    public void Answer(string requestId, Task<Placement> placed)
    {
        if (placed.IsCompletedSuccessfully)
            Tell(PlacedOnWire.Of(requestId, placed.Result));
        else
            placed.ContinueWith(done => Tell(PlacedOnWire.Of(requestId, done.Result)), CancellationToken.None,
                TaskContinuationOptions.OnlyOnRanToCompletion | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Tells it that the pool wants a request elsewhere.</summary>
    public void Want(string requestId, CarryOver wish) => Tell(new Wanted(wish.From, PlacedOnWire.Of(requestId, wish.To), wish.AtOnce, wish.IsHedge));

    public void Tell(ToGateway message)
    {
        lock (_gate)
        {
            if (_reply is not null)
            {
                _reply.Add(message);
                return;
            }
            _unasked.Add(message);
            if (_isTelling || IsLost)
                return;
            _isTelling = true;
        }
        _ = Task.Run(TellAsync);
    }

    private async Task TellAsync()
    {
        while (true)
        {
            List<ToGateway> batch;
            lock (_gate)
            {
                if (_unasked.Count == 0 || IsLost)
                {
                    _isTelling = false;
                    return;
                }
                (batch, _unasked) = (_unasked, []);
            }
            try
            {
                await address.TakeAsync(Id, batch).WaitAsync(Patience, time);
            }
            catch (Exception)
            {
                IsLost = true;   // whatever it was: the gateway learns of it by its next batch, and tells all it has
            }
        }
    }
}
