using FleetRouter.Hosting;
using FleetRouter.Orleans.Wire;

namespace FleetRouter.Orleans.Pools;

/// <summary>One gateway at a pool: what it is told goes with the answer to its batch where it can, else in batches of its own, one after another.
/// Words come from the pool's threads.</summary>
internal sealed class GatewaySeat
{
    /// <summary>How long a gateway may take to say that it got a batch; later it has to sit down anew.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly Lock _gate = new();
    private List<ToGateway>? _reply;
    private readonly Outbox<ToGateway> _unasked;

    public GatewaySeat(Guid id, IGatewayObserver address, TimeProvider time)
    {
        Id = id;
        HeardAt = time.GetTimestamp();
        _unasked = new Outbox<ToGateway>(batch => TellAsync(address, batch, time));
    }

    /// <summary>Names this seat.</summary>
    public Guid Id { get; }

    /// <summary>Timestamp of the gateway's last word.</summary>
    public long HeardAt { get; set; }

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
            if (_reply is not null)
            {
                _reply.Add(message);
                return;
            }
        _unasked.Post(message);
    }

    private async Task TellAsync(IGatewayObserver address, IReadOnlyList<ToGateway> batch, TimeProvider time)
    {
        if (IsLost)
            return;
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
