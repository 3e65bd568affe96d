using Orleans.Placement;
using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Journal;
using FleetRouter.Orleans.Instances;
using FleetRouter.Orleans.Wire;

namespace FleetRouter.Orleans.Pools;

/// <summary>A shell round the pool that its silo runs: gateways' words go in, its answers go out.</summary>
/// <remarks>Placed where it is first asked for: that silo knows how the pool is to be run, of others a changed configuration may not have reached all.</remarks>
[PreferLocalPlacement]
internal sealed class PoolGrain(LocalPools local, ProbesOfCluster probes, TimeProvider time) : Grain, IPoolGrain
{
    /// <summary>How long a gateway may be silent before what it had is over. It tells a word each second, and comes back with all it has.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(5);

    /// <summary>How often what gateways know is renewed; more often where what is served changes.</summary>
    private static readonly TimeSpan Renewal = TimeSpan.FromMilliseconds(500), Look = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a pool that begins looks at its instances before it takes gateways, which know more of them until then.</summary>
    private static readonly TimeSpan FirstLook = TimeSpan.FromSeconds(1.5);

    /// <summary>The same while not one of them has answered: a gateway that knows some places requests better than a pool that knows none.</summary>
    private static readonly TimeSpan BlindLook = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, GatewaySeat> _seats = new(StringComparer.Ordinal);
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private RunningPool _pool = null!;
    private ServedModels? _told;
    private long _toldAt, _beganAt;

    private string Name => this.GetPrimaryKeyString();

    public override async Task OnActivateAsync(CancellationToken cancellation)
    {
        _beganAt = time.GetTimestamp();
        _pool = await local.StartAsync(Name, (host, endpoint, options) => probes.Watch(Name, endpoint, options));
        this.RegisterGrainTimer(TickAsync, new GrainTimerCreationOptions { DueTime = Look, Period = Look, Interleave = true, KeepAlive = true });
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellation) => _pool is null ? Task.CompletedTask : local.StopAsync(Name, _pool).AsTask();

    public async Task<Seated> SitAsync(string gateway, Guid seat, IGatewayObserver address, IReadOnlyList<string> requests)
    {
        for (long askedAt = time.GetTimestamp(); IsLooking; await Task.Delay(Look, time))
            if (time.GetElapsedTime(askedAt) > FirstLook)
                throw new PoolUnavailableException($"pool {Name} has not found its instances yet");
        Unseat(gateway);
        _seats.Add(gateway, new GatewaySeat(seat, address, time));
        IReadOnlyList<string> unknown = await _pool.Host.GatewayHasAsync(gateway, requests);
        return new Seated(unknown, SnapshotOnWire.Of(await _pool.Host.SnapshotAsync(), _pool.Host.AddressOf), _known.Add(gateway));
    }

    private bool IsLooking => (!_pool.Named.IsCompleted || _pool.Host.Served.Awaiting)
        && time.GetElapsedTime(_beganAt) < (_pool.Host.Served.Models.Any(m => m.ReadyInstances > 0) ? FirstLook : BlindLook);

    public async Task<PoolReply> ExchangeAsync(GatewayBatch batch)
    {
        if (!_seats.TryGetValue(batch.Gateway, out GatewaySeat? seat) || seat.Id != batch.Seat || seat.IsLost)
            return new PoolReply(false, []);
        seat.HeardAt = time.GetTimestamp();
        seat.BeginReply();
        var asked = new List<(string Request, Task<Placement> Placed)>();
        foreach (ToPool message in batch.Messages)
            Take(message, seat, asked);
        // Another thread may be at work on the pool. What is not placed when it is done is held, and told when it is placed.
        if (asked.Exists(a => !a.Placed.IsCompleted))
            await _pool.Host.HandledAsync();
        foreach ((string request, Task<Placement> placed) in asked)
            seat.Answer(request, placed);
        return new PoolReply(true, seat.EndReply());
    }

    public Task LeaveAsync(string gateway)
    {
        Unseat(gateway);
        return _pool.Host.GatewayHasAsync(gateway, []);
    }

    public Task ReportAsync(IReadOnlyList<ProbeOnWire> reports)
    {
        foreach (ProbeOnWire probe in reports)
            if (probe.Failure is { } reason)
                _pool.Host.ProbeFailed(probe.Instance, reason);
            else
                _pool.Host.Probed(probe.Instance, probe.ToReport());
        return Task.CompletedTask;
    }

    public async Task<byte[]?> DrainAsync(string instance, bool drains, TimeSpan within, TimeSpan wait) =>
        await _pool.Host.DrainAsync(instance, drains, within, wait, CancellationToken.None) is { } view ? JsonSerializer.SerializeToUtf8Bytes(view, JournalJson.Options) : null;

    public async Task<byte[]> DescribeAsync() => JsonSerializer.SerializeToUtf8Bytes(await _pool.Host.DescribeAsync(), JournalJson.Options);

    private void Unseat(string gateway)
    {
        if (_seats.Remove(gateway, out GatewaySeat? seat))
            seat.Leave();
    }

    private void Take(ToPool message, GatewaySeat seat, List<(string Request, Task<Placement> Placed)> asked)
    {
        PoolHost host = _pool.Host;
        switch (message)
        {
            case Place e:
                asked.Add((e.Request.Id, host.PlaceAsync(e.Request.ToRequest(), CancellationToken.None, wish => seat.Want(e.Request.Id, wish))));
                break;
            case Retry e:
                AdoptRunning(e.Running, ifUnknown: true, seat);
                asked.Add((e.Running.Request.Id, host.RetryAsync(e.Running.Request.Id, (AttemptFailure)e.Failure, e.Reason, e.EmittedTokens, CancellationToken.None)));
                break;
            case Adopt e: AdoptRunning(e.Running, ifUnknown: false, seat); break;
            case Remember e: host.Remember(e.Request.ToRequest(), e.Instance); break;
            case Progress e: host.Progressed(e.Id, e.OutputTokens, e.LongestGap); break;
            case Carried e: host.MigrationEnded(e.Id, e.EmittedTokens, e.Failure); break;
            case HedgeOver e: host.HedgeEnded(e.Id, (HedgeEnd)e.End, (AttemptFailure?)e.Failure, e.Reason); break;
            case Over e: host.Ended(e.Id, (RequestEnd)e.End, e.Usage?.ToUsage()); break;
        }
    }

    private void AdoptRunning(RunningOnWire running, bool ifUnknown, GatewaySeat seat)
    {
        string id = running.Request.Id;
        _pool.Host.Adopt(running.Request.ToRequest(), running.Instance, running.Attempt, running.EmittedTokens, running.OutputTokens, running.RunningFor,
            ifUnknown, wish => seat.Want(id, wish));
    }

    private async Task TickAsync(CancellationToken cancellation)
    {
        foreach (string gateway in _seats.Where(s => time.GetElapsedTime(s.Value.HeardAt) > Silence).Select(s => s.Key).ToList())
            await LeaveAsync(gateway);
        if (ReferenceEquals(_told, _pool.Host.Served) && time.GetElapsedTime(_toldAt) < Renewal || _seats.Count == 0)
            return;
        (_told, _toldAt) = (_pool.Host.Served, time.GetTimestamp());
        SnapshotOnWire snapshot = SnapshotOnWire.Of(await _pool.Host.SnapshotAsync(), _pool.Host.AddressOf);
        foreach (GatewaySeat seat in _seats.Values)
            seat.Tell(snapshot);
    }
}
