using Npgsql;

namespace FleetRouter.Storage;

/// <summary>One task that writes what has gathered somewhere, as long as there is any and the database is up.</summary>
internal sealed class BackgroundWriter : IAsyncDisposable
{
    private readonly Database _database;
    private readonly TimeSpan _company;
    private readonly Func<bool> _any;
    private readonly Func<NpgsqlConnection, CancellationToken, Task<bool>> _write;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly CancellationTokenSource _stop = new(), _end = new();
    private readonly Task _writing;
    private int _asleep;

    /// <param name="database">Where to.</param>
    /// <param name="company">Time that the first of what gathers waits for others.</param>
    /// <param name="any">Whether there is anything to write.</param>
    /// <param name="write">Writes some of it, and says whether to go on at once or to let more gather. What it throws counts as the database's fault, and is followed by another try once that is back.</param>
    public BackgroundWriter(Database database, TimeSpan company, Func<bool> any, Func<NpgsqlConnection, CancellationToken, Task<bool>> write)
    {
        (_database, _company, _any, _write) = (database, company, any, write);
        _writing = Task.Run(RunAsync);
    }

    /// <summary>There is something to write.</summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _asleep, 0) == 1)
            _wake.Release();
    }

    private async Task RunAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            if (!_any())
            {
                if (_stop.IsCancellationRequested)
                    return;
                Volatile.Write(ref _asleep, 1);
                Interlocked.MemoryBarrier();
                if (!_any() || Interlocked.Exchange(ref _asleep, 0) == 0)
                    await _wake.WaitAsync(_stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await GatherAsync();
                continue;
            }
            try
            {
                await _database.UpAsync(_end.Token);
                await using NpgsqlConnection connection = await _database.ConnectionAsync(_end.Token);
                if (!await _write(connection, _end.Token))
                    await GatherAsync();
            }
            catch (Exception trouble) when (trouble is not OutOfMemoryException)
            {
                if (!_end.IsCancellationRequested)
                    _database.Failed(trouble);
            }
        }
    }

    private Task GatherAsync() => _company == TimeSpan.Zero
        ? Task.CompletedTask
        : Task.Delay(_company, _database.Time, _stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);

    /// <summary>Writes what is left, within the options' bound.</summary>
    public async ValueTask DisposeAsync()
    {
        _end.CancelAfter(_database.Options.StopWait);
        await _stop.CancelAsync();
        await _writing;
        _stop.Dispose();   // the semaphore is not: who comes late may still wake nobody
        _end.Dispose();
    }
}
