using FleetRouter.Hosting.Ports;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace FleetRouter.Storage;

/// <summary>The connection to PostgreSQL: knows whether it is up, and brings it back. Nobody else tries again by itself, so that a database that
/// comes back is greeted by one connection of each gateway.</summary>
public sealed partial class Database : IAsyncDisposable
{
    /// <summary>Time a start waits for the database before it goes on without.</summary>
    private static readonly TimeSpan StartWait = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan FirstRest = TimeSpan.FromMilliseconds(100), LongestRest = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _readers;
    private readonly NpgsqlDataSource _pool, _single;
    private readonly ILogger _log;
    private TaskCompletionSource _up = NewSignal();
    private string _trouble = "it was not reached yet";
    private Task _recovering = Task.CompletedTask;
    private bool _migrated;

    /// <param name="options">Where it is and how it is used.</param>
    /// <param name="logs">Where it is told when the database goes and comes.</param>
    /// <param name="time">The clock of every wait; the system's unless given.</param>
    public Database(DatabaseOptions options, ILoggerFactory logs, TimeProvider? time = null)
    {
        (Options, _log, Time) = (options, logs.CreateLogger<Database>(), time ?? TimeProvider.System);
        _pool = NpgsqlDataSource.Create(options.Address.Pooled(options.Connections));
        _single = NpgsqlDataSource.Create(options.Address.Single());
        _readers = new SemaphoreSlim(Math.Max(1, options.Connections - 2));
    }

    /// <summary>How it is used.</summary>
    internal DatabaseOptions Options { get; }

    internal TimeProvider Time { get; }

    /// <summary>Whether the last word of it was good.</summary>
    public bool IsUp => Signal.IsCompleted;

    private Task Signal => Volatile.Read(ref _up).Task;

    /// <summary>Connects, and brings the schema to what this build needs. Where the database is out of reach this goes on in the background.</summary>
    /// <exception cref="DatabaseException">The database refuses: sign-in, rights, a newer schema, too old a server.</exception>
    public async Task OpenAsync(CancellationToken cancellation = default)
    {
        try
        {
            using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            bound.CancelAfter(StartWait);
            await ConnectAsync(bound.Token);
            LogOpened(Options.Address);
            _up.SetResult();
        }
        catch (Exception trouble) when (Outage.IsRefusal(trouble))
        {
            throw new DatabaseException($"the database {Options.Address} refuses: {Outage.Reason(trouble)}", trouble);
        }
        catch (Exception trouble) when (Outage.Is(trouble) || trouble is OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            Recover(trouble is OperationCanceledException ? new TimeoutException($"no answer within {StartWait.TotalSeconds:0} s") : trouble);
        }
    }

    /// <summary>Ends when the database is up.</summary>
    internal Task UpAsync(CancellationToken cancellation) => Signal.WaitAsync(cancellation);

    /// <summary>A connection of the pool, for writing in the background.</summary>
    internal ValueTask<NpgsqlConnection> ConnectionAsync(CancellationToken cancellation) => _pool.OpenConnectionAsync(cancellation);

    /// <summary>A connection of its own.</summary>
    internal ValueTask<NpgsqlConnection> OwnConnectionAsync(CancellationToken cancellation) => _single.OpenConnectionAsync(cancellation);

    /// <summary>Asks for something that may be asked twice; once more where the database was only restarted.</summary>
    /// <exception cref="ConversationsUnavailableException">The database cannot be read now.</exception>
    internal async Task<T> ReadAsync<T>(Func<NpgsqlConnection, CancellationToken, Task<T>> ask, CancellationToken cancellation)
    {
        using var bound = new CancellationTokenSource(Options.ReadWait, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(bound.Token, cancellation);
        for (int attempt = 1; ; attempt++)
        {
            if (!IsUp)
                throw Unavailable();
            bool entered = false;
            try
            {
                await _readers.WaitAsync(either.Token);
                entered = true;
                await using NpgsqlConnection connection = await _pool.OpenConnectionAsync(either.Token);
                return await ask(connection, either.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                if (entered)   // otherwise only this gateway's own readers are in the way
                    Failed(new TimeoutException($"no answer within {Options.ReadWait.TotalSeconds:0.#} s"));
                throw new ConversationsUnavailableException("the database did not answer in time");
            }
            catch (Exception trouble) when (Outage.Is(trouble))
            {
                Failed(trouble);
                if (attempt > 1)
                    throw Unavailable();
            }
            finally
            {
                if (entered)
                    _readers.Release();
            }
            await Signal.WaitAsync(TimeSpan.FromSeconds(1), Time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>What to tell who asks while the database is down.</summary>
    internal ConversationsUnavailableException Unavailable() => new($"the database is out of reach: {_trouble}");

    /// <summary>Somebody's command failed for the database's sake.</summary>
    internal void Failed(Exception trouble)
    {
        lock (_gate)
            if (IsUp && !_stop.IsCancellationRequested)
                Recover(trouble);
    }

    private void Recover(Exception trouble)
    {
        _trouble = Outage.Reason(trouble);
        LogDown(Options.Address, _trouble);
        if (IsUp)
            Volatile.Write(ref _up, NewSignal());
        _recovering = Task.Run(() => RecoverAsync(Time.GetTimestamp()));
    }

    private async Task RecoverAsync(long since)
    {
        TimeSpan rest = FirstRest;
        string? refused = null;
        for (; ; rest = rest * 2 < LongestRest ? rest * 2 : LongestRest)
        {
            try
            {
                await ConnectAsync(_stop.Token);
                break;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception trouble) when (trouble is not OutOfMemoryException)
            {
                _trouble = Outage.Reason(trouble);
                if (!Outage.Is(trouble) && refused != _trouble)
                    LogRefused(Options.Address, refused = _trouble);
            }
            await Task.Delay(rest * (0.75 + 0.5 * Random.Shared.NextDouble()), Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        _pool.Clear();   // its connections died with the server
        LogUp(Options.Address, Time.GetElapsedTime(since).TotalSeconds);
        lock (_gate)
            _up.TrySetResult();
    }

    private async Task ConnectAsync(CancellationToken cancellation)
    {
        await using NpgsqlConnection connection = await _single.OpenConnectionAsync(cancellation);
        if (!_migrated)
            await Schema.ApplyAsync(connection, Schema.Migrations, cancellation);
        _migrated = true;
        await using var ask = new NpgsqlCommand("select pg_is_in_recovery()", connection);
        if (await ask.ExecuteScalarAsync(cancellation) is true)
            throw new NpgsqlException("it is a standby, which takes no writes");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _recovering.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _pool.DisposeAsync();
        await _single.DisposeAsync();
        _readers.Dispose();
        _stop.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(30, LogLevel.Information, "Conversations and session homes are kept in the database {Address}")]
    private partial void LogOpened(DatabaseAddress address);

    [LoggerMessage(31, LogLevel.Warning, "The database {Address} is out of reach: {Trouble}; requests are served on, and what is to be kept waits in memory")]
    private partial void LogDown(DatabaseAddress address, string trouble);

    [LoggerMessage(32, LogLevel.Information, "The database {Address} is back, after {Seconds:0.0} s")]
    private partial void LogUp(DatabaseAddress address, double seconds);

    [LoggerMessage(33, LogLevel.Error, "The database {Address} cannot be used: {Trouble}; nothing is kept until that is put right")]
    private partial void LogRefused(DatabaseAddress address, string trouble);
}
