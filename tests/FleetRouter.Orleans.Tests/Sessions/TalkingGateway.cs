using System.Diagnostics.Metrics;
using FleetRouter.Hosting.Ports;
using FleetRouter.Storage;
using FleetRouter.Storage.Tests;

namespace FleetRouter.Orleans.Tests.Sessions;

/// <summary>A gateway as conversations see it: a silo, and its own way to the database.</summary>
internal sealed class TalkingGateway : IAsyncDisposable
{
    private readonly GatewayStorage _storage;
    private readonly MeterListener _listener = new();
    private long _passedOver;

    private TalkingGateway(GatewayStorage storage, StandingStill kept, Silo silo, Meter meter)
    {
        (_storage, Kept, Silo) = (storage, kept, silo);
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == meter && instrument.Name == "fleetrouter_session_fallbacks")
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((_, value, _, _) => Interlocked.Add(ref _passedOver, value));
        _listener.Start();
    }

    public Silo Silo { get; }

    /// <summary>What its actors keep turns in.</summary>
    public StandingStill Kept { get; }

    /// <summary>The database, past all actors.</summary>
    public IConversations Database => _storage.Conversations;

    /// <summary>Calls that actors did not answer in time.</summary>
    public long PassedOver => Volatile.Read(ref _passedOver);

    /// <summary>Turns that actors hold here.</summary>
    public int Held => Silo.Sessions.Memory.Count;

    public static async Task<TalkingGateway> StartAsync(DatabaseAddress address, TimeSpan? budget = null, TimeProvider? time = null, long turnMemory = 1 << 20)
    {
        GatewayStorage storage = await GatewayStorage.OpenAsync(address, time);
        var kept = new StandingStill(storage.Conversations);
        var meter = new Meter("test");
        Silo silo = await SiloUnderTest.StartAsync(database: address.OfSchema(), budget: budget, time: time, conversations: kept, turnMemory: turnMemory, meter: meter);
        return new TalkingGateway(storage, kept, silo, meter);
    }

    public Task SaveAsync(StoredResponse turn) => Silo.Conversations!.SaveAsync(turn, CancellationToken.None);

    public Task<StoredResponse?> FindAsync(string id, string owner = "me") => Silo.Conversations!.FindAsync(id, owner, CancellationToken.None);

    /// <summary>Ids of a turn and those before it, in order.</summary>
    public async Task<IEnumerable<string>> HistoryAsync(string id, string owner = "me") =>
        (await Silo.Conversations!.HistoryAsync(id, owner, CancellationToken.None)).Select(turn => turn.Id);

    public Task<bool> DeleteAsync(string id, string owner = "me") => Silo.Conversations!.DeleteAsync(id, owner, CancellationToken.None);

    /// <summary>Asks the database until it is known to be away.</summary>
    public async Task LosesDatabaseAsync()
    {
        await Eventually.Is(async () =>
        {
            await Record.ExceptionAsync(() => Database.FindAsync("nobody", "me", CancellationToken.None));
            return _storage.Database.IsUp;
        }, up => !up);
    }

    public Task FindsDatabaseAsync() => _storage.Database.UpAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        Kept.GoOn();
        _listener.Dispose();
        await Silo.DisposeAsync();
        await _storage.DisposeAsync();
    }
}

/// <summary>Conversations that a test has stand still, with the thread that asked.</summary>
internal sealed class StandingStill(IConversations inner) : IConversations
{
    private readonly ManualResetEventSlim _goesOn = new(initialState: true);
    private readonly SemaphoreSlim _asked = new(0);
    private int _reads;

    /// <summary>How often turns were read.</summary>
    public int Reads => Volatile.Read(ref _reads);

    public void Stop() => _goesOn.Reset();

    public void GoOn() => _goesOn.Set();

    /// <summary>Ends when somebody has asked, and stands still.</summary>
    public async Task AskedAsync() => Assert.True(await _asked.WaitAsync(TimeSpan.FromMinutes(1)));

    public Task SaveAsync(StoredResponse response, CancellationToken cancellation) => Then(() => inner.SaveAsync(response, cancellation));

    public Task<StoredResponse?> FindAsync(string id, string owner, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _reads);
        return Then(() => inner.FindAsync(id, owner, cancellation));
    }

    public Task<IReadOnlyList<StoredResponse>> HistoryAsync(string id, string owner, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _reads);
        return Then(() => inner.HistoryAsync(id, owner, cancellation));
    }

    public Task<bool> DeleteAsync(string id, string owner, CancellationToken cancellation) => Then(() => inner.DeleteAsync(id, owner, cancellation));

    public ValueTask<string?> HomeAsync(string pool, string session, CancellationToken cancellation) => inner.HomeAsync(pool, session, cancellation);

    public void Settled(string pool, string session, string instance) => inner.Settled(pool, session, instance);

    private T Then<T>(Func<T> call)
    {
        if (!_goesOn.IsSet)
            _asked.Release();
        _goesOn.Wait();
        return call();
    }
}
