using Npgsql;

namespace FleetRouter.Storage;

/// <summary>Removes what has expired, in the background and a little at a time. Every gateway sweeps; they step over what another one holds.</summary>
internal sealed class ExpirySweep : IAsyncDisposable
{
    /// <summary>Rows that go in one statement, so that none holds many locks for long.</summary>
    private const int Most = 500;

    private readonly Database _database;
    private readonly IReadOnlyList<Func<NpgsqlConnection, int, CancellationToken, Task<int>>> _sweeps;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _sweeping;

    /// <param name="database">Where.</param>
    /// <param name="sweeps">Each removes at most so many rows, and says how many it did.</param>
    public ExpirySweep(Database database, params IReadOnlyList<Func<NpgsqlConnection, int, CancellationToken, Task<int>>> sweeps)
    {
        (_database, _sweeps) = (database, sweeps);
        _sweeping = Task.Run(RunAsync);
    }

    /// <summary>Removes everything that has expired by now.</summary>
    internal async Task SweepAsync(CancellationToken cancellation)
    {
        await using NpgsqlConnection connection = await _database.ConnectionAsync(cancellation);
        foreach (Func<NpgsqlConnection, int, CancellationToken, Task<int>> sweep in _sweeps)
            while (await sweep(connection, Most, cancellation) == Most)
            {
                // There is more.
            }
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(_database.Options.SweepInterval * (0.75 + 0.5 * Random.Shared.NextDouble()), _database.Time, _stop.Token);
                await _database.UpAsync(_stop.Token);
                await SweepAsync(_stop.Token);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception trouble) when (trouble is not OutOfMemoryException)
            {
                _database.Failed(trouble);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _sweeping;
        _stop.Dispose();
    }
}
