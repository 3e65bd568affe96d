using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace FleetRouter.Storage.Provisioning;

/// <summary>The role of the one gateway that provisions: an advisory lock of the database, held by a session of its own.</summary>
/// <remarks>Never held twice, whichever of gateway, network and database dies or freezes, by three times measured on clocks that do not go back.
/// (1) A holder believes in its role for <see cref="Belief"/> after it <i>sent</i> the last heartbeat that was answered. (2) The server ends a session that sent
/// nothing for <see cref="Idle"/>, which is longer (<c>idle_session_timeout</c>): a frozen gateway's lock falls free, and not before it ceased to believe. (3) Where
/// the lock fell free otherwise, the session ended by hand or the server restarted, whoever gets it does nothing for <see cref="Delay"/>, which is longer
/// than the last holder can go on believing: the lock-delay of Burrows, "The Chubby lock service" (OSDI 2006).
/// The role moves within Idle + Heartbeat + Delay, 4 s, as long as the database lives.
/// Every turn is a row of <c>fleetrouter.provisioner_turns</c>, written before the role is believed in and again by each heartbeat. What it says contains
/// what the holder believed, since that counts from before the row was written; by (3) the next row begins behind it. So no two rows overlap, or the role was held twice.</remarks>
public sealed partial class ProvisionerRole : IAsyncDisposable
{
    /// <summary>Time between two heartbeats, or two tries to get the lock.</summary>
    internal static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(500);

    /// <summary>How long an answered heartbeat counts, from when it was sent.</summary>
    internal static readonly TimeSpan Belief = TimeSpan.FromMilliseconds(1_250);

    /// <summary>Silence after which the server ends the session.</summary>
    internal static readonly TimeSpan Idle = TimeSpan.FromSeconds(2);

    /// <summary>Time between getting the lock and acting upon it.</summary>
    internal static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(1_500);

    /// <summary>Writes that a turn goes on; the first time, that it begins. Those of a year ago go.</summary>
    private const string WriteTurn = """
        with old as (delete from fleetrouter.provisioner_turns where held_until < now() - interval '1 year')
        insert into fleetrouter.provisioner_turns (turn, holder, taken_at, held_until) values ($1, $2, clock_timestamp(), clock_timestamp() + $3)
        on conflict (turn) do update set held_until = excluded.held_until
        returning true
        """;

    private const long Lock = 0x70726F76;   // "prov" in ASCII

    private static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(2);

    private readonly Database _database;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private long _believedUntil;   // a timestamp; 0 where the role is not held
    private bool _holds;
    private Task? _closing;

    /// <param name="database">The database whose lock it is.</param>
    /// <param name="meter">Where the gauge goes.</param>
    /// <param name="logs">Where every turn is told.</param>
    /// <param name="time">The clock; the database's own unless given.</param>
    public ProvisionerRole(Database database, Meter meter, ILoggerFactory logs, TimeProvider? time = null)
    {
        (_database, _time, _log) = (database, time ?? database.Time, logs.CreateLogger<ProvisionerRole>());
        meter.CreateObservableGauge("fleetrouter_provisioner", () => IsHeld ? 1 : 0, description: "1 if this gateway is the one that provisions.");
        _running = Task.Run(RunAsync);
    }

    /// <summary>Whether this gateway holds the role at this instant. To be asked before every single act that only one gateway may do.</summary>
    public bool IsHeld => _time.GetTimestamp() < Volatile.Read(ref _believedUntil);

    /// <summary>Told of every turn: whether the role is held from now on.</summary>
    internal event Action<bool>? Turned;

    /// <summary>The server's process for the session in use; for tests.</summary>
    internal int ServerProcess { get; private set; }

    private async Task RunAsync()
    {
        TimeSpan rest = Heartbeat;
        while (!_stop.IsCancellationRequested)
        {
            string reason = "the gateway stops";
            try
            {
                await _database.UpAsync(_stop.Token);
                await using NpgsqlConnection connection = await _database.OwnConnectionAsync(_stop.Token);
                await BeginAsync(connection);
                rest = Heartbeat;
                await HoldAsync(connection);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // Given up in good order.
            }
            catch (OperationCanceledException)
            {
                reason = "the database did not answer in time";
            }
            catch (Exception trouble) when (trouble is not OutOfMemoryException)
            {
                reason = Outage.Reason(trouble);
            }
            GiveUp(reason);
            await Task.Delay(rest * (0.75 + 0.5 * Random.Shared.NextDouble()), _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            rest = rest * 2 < LongestRest ? rest * 2 : LongestRest;
        }
    }

    private async Task BeginAsync(NpgsqlConnection connection)
    {
        ServerProcess = connection.ProcessID;
        await using var settings = new NpgsqlCommand($"set idle_session_timeout = {(int)Idle.TotalMilliseconds}; set synchronous_commit = off", connection);
        using CancellationTokenSource bound = Bound(Belief);
        await settings.ExecuteNonQueryAsync(bound.Token);
    }

    /// <summary>Gets the lock and keeps it, for as long as the session lasts.</summary>
    private async Task HoldAsync(NpgsqlConnection connection)
    {
        await using var ask = new NpgsqlCommand($"select pg_try_advisory_lock({Lock})", connection);
        await using var wait = new NpgsqlCommand("select true", connection);
        await using var turn = new NpgsqlCommand(WriteTurn, connection)
        {
            Parameters = { new() { Value = Guid.NewGuid() }, new() { Value = $"{Environment.MachineName}:{Environment.ProcessId}" }, new() { Value = Belief } },
        };
        long? actsFrom = null;
        while (true)
        {
            long sent = _time.GetTimestamp();
            bool acts = sent >= actsFrom;
            bool good;
            using (CancellationTokenSource bound = Bound(Belief))
                good = await (acts ? turn : actsFrom is null ? ask : wait).ExecuteScalarAsync(bound.Token) is true;
            long now = _time.GetTimestamp();
            if (good)
                actsFrom ??= now + Ticks(Delay);
            if (good && acts)
                Take(sent + Ticks(Belief));
            TimeSpan left = actsFrom is { } from && from > now ? _time.GetElapsedTime(now, from) + TimeSpan.FromMilliseconds(1) : Heartbeat;
            await Task.Delay(left < Heartbeat ? left : Heartbeat, _time, _stop.Token);
        }
    }

    private void Take(long until)
    {
        Volatile.Write(ref _believedUntil, until);
        if (_holds)
            return;
        _holds = true;
        LogTaken();
        Turned?.Invoke(true);
    }

    private void GiveUp(string reason)
    {
        long until = Math.Min(_time.GetTimestamp(), Interlocked.Exchange(ref _believedUntil, 0));
        if (!_holds)
            return;
        _holds = false;
        LogLost(_time.GetUtcNow() - _time.GetElapsedTime(until), reason);
        Turned?.Invoke(false);
    }

    private CancellationTokenSource Bound(TimeSpan time)
    {
        var bound = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        bound.CancelAfter(time);
        return bound;
    }

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * _time.TimestampFrequency);

    /// <summary>Gives the role up.</summary>
    public ValueTask DisposeAsync() => new(_closing ??= CloseAsync());

    private async Task CloseAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    [LoggerMessage(40, LogLevel.Information, "This gateway holds the provisioner's role")]
    private partial void LogTaken();

    // The time is told since a gateway that was frozen comes to write this line late.
    [LoggerMessage(41, LogLevel.Warning, "This gateway held the provisioner's role until {Until:O} and gives it up: {Reason}")]
    private partial void LogLost(DateTimeOffset until, string reason);
}
