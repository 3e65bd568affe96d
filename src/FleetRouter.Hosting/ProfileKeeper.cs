using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Hosting;

/// <summary>Tells a pool that begins what its last life had learned, and keeps what it learns for the next.</summary>
internal sealed class ProfileKeeper : IAsyncDisposable
{
    /// <summary>What is learned in less is soon learned again.</summary>
    private static readonly TimeSpan Often = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _stop = new();
    private readonly PoolHost _pool;
    private readonly ILearnedProfiles _profiles;
    private readonly TimeProvider _time;
    private readonly Task _keeping;
    private LearnedProfile? _kept;
    private bool _recalled;

    public ProfileKeeper(PoolHost pool, ILearnedProfiles profiles, TimeProvider time)
    {
        (_pool, _profiles, _time) = (pool, profiles, time);
        _keeping = Task.Run(RunAsync);
    }

    private async Task RunAsync()
    {
        try
        {
            for (; ; await Task.Delay(Often, _time, _stop.Token))
                await LookAsync(_stop.Token);
        }
        catch (OperationCanceledException)
        {
            // It is over.
        }
    }

    private async Task LookAsync(CancellationToken stop)
    {
        if (await KeepAsync(stop) || _recalled || await _profiles.RecallAsync(_pool.Options.Name, stop) is not { } known)
            return;
        _recalled = true;
        _pool.Recall(known);
    }

    /// <summary>Whether there is anything to keep yet.</summary>
    private async Task<bool> KeepAsync(CancellationToken stop)
    {
        LearnedProfile? learned = await _pool.LearnedAsync();
        if (learned is not null && learned != _kept)
            await _profiles.KeepAsync(_pool.Options.Name, _kept = learned, stop);
        return learned is not null;
    }

    /// <summary>Keeps what was learned last.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _keeping;
        await KeepAsync(CancellationToken.None);
        _stop.Dispose();
    }
}
