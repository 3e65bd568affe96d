using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using FleetRouter.Hosting.Ports;
using FleetRouter.Storage.Conversations;
using Microsoft.Extensions.Logging;

namespace FleetRouter.Storage.Tests;

/// <summary>Log lines, as an operator would read them.</summary>
public sealed class LogLines : ILoggerFactory, ILogger
{
    private readonly List<(int Event, TaskCompletionSource<string> Line)> _awaited = [];
    private readonly List<(int Event, string Text)> _lines = [];

    public IReadOnlyList<string> All
    {
        get
        {
            lock (_lines)
                return [.. _lines.Select(line => line.Text)];
        }
    }

    /// <summary>The first line of that event from now on, or the last there was.</summary>
    public Task<string> LineAsync(int id)
    {
        lock (_lines)
        {
            if (_lines.LastOrDefault(line => line.Event == id).Text is { } before)
                return Task.FromResult(before);
            var line = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            _awaited.Add((id, line));
            return line.Task.WaitAsync(TimeSpan.FromMinutes(1));
        }
    }

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        string text = formatter(state, exception);
        lock (_lines)
        {
            _lines.Add((eventId.Id, text));
            foreach ((int id, TaskCompletionSource<string> line) in _awaited)
                if (id == eventId.Id)
                    line.TrySetResult(text);
        }
    }

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }
}

/// <summary>One gateway's part of the storage, with what it logs and counts.</summary>
public sealed class GatewayStorage : IAsyncDisposable
{
    private readonly Meter _meter = new("test");
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, long> _counted = new();

    private GatewayStorage(Database database, LogLines logs)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == _meter)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            _counted.AddOrUpdate(instrument.Name + (tags.Length > 0 ? "/" + tags[0].Value : ""), value, (_, before) => instrument.IsObservable ? value : before + value));
        _listener.Start();
        (Database, Logs) = (database, logs);
        Conversations = new PostgresConversations(database, _meter, Figures = new StorageFigures(_meter), logs);
    }

    public Database Database { get; }

    public PostgresConversations Conversations { get; }

    public LogLines Logs { get; }

    public StorageFigures Figures { get; }

    public static async Task<GatewayStorage> OpenAsync(DatabaseAddress address, TimeProvider? time = null, Func<DatabaseOptions, DatabaseOptions>? with = null)
    {
        // Nothing here is to be decided by how busy the machine is, so every wait is long unless a test says otherwise.
        var patient = new DatabaseOptions { Address = address, SaveWait = TimeSpan.FromMinutes(1), HomeWait = TimeSpan.FromMinutes(1), ReadWait = TimeSpan.FromMinutes(1), StopWait = TimeSpan.FromMinutes(1), HomeBatch = TimeSpan.Zero };
        var logs = new LogLines();
        var storage = new GatewayStorage(new Database(with is null ? patient : with(patient), logs, time), logs);
        try
        {
            await storage.Database.OpenAsync();
            return storage;
        }
        catch
        {
            await storage.DisposeAsync();
            throw;
        }
    }

    /// <summary>What a counter has counted, under <c>name/kind</c>.</summary>
    public long Counted(string name) => _counted.GetValueOrDefault(name);

    public async ValueTask DisposeAsync()
    {
        await Conversations.DisposeAsync();
        await Database.DisposeAsync();
        _listener.Dispose();
        _meter.Dispose();
    }
}

/// <summary>Answers to keep.</summary>
internal static class Responses
{
    public static StoredResponse Make(string id, string? previous = null, string owner = "me", string body = "", TimeSpan? life = null)
    {
        DateTimeOffset now = DateTimeOffset.UnixEpoch.AddSeconds(Math.Floor((DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalSeconds));
        return new StoredResponse(id, previous, owner, now, now + (life ?? TimeSpan.FromDays(30)), Bytes($$"""[{"of":"{{id}}"}]"""), Bytes($$"""{"id":"{{id}}","text":"{{body}}"}"""));
    }

    public static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    public static void Same(StoredResponse expected, StoredResponse? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(expected with { Input = default, Body = default }, actual with { Input = default, Body = default });
        Assert.Equal(expected.Input.ToArray(), actual.Input.ToArray());
        Assert.Equal(expected.Body.ToArray(), actual.Body.ToArray());
    }
}
