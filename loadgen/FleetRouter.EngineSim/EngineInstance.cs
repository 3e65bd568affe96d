using System.Net;
using FleetRouter.EngineSim.Driving;
using FleetRouter.EngineSim.Faults;
using FleetRouter.EngineSim.Http;
using FleetRouter.EngineSim.Metrics;
using FleetRouter.Simulation.Engine;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace FleetRouter.EngineSim;

/// <summary>One stand-in engine: a listener on a port of its own, and the engine behind it.</summary>
public sealed class EngineInstance : IAsyncDisposable
{
    // Sending on the thread that wrote saves a switch for every token of every stream; nothing here blocks that thread.
    private static readonly SocketTransportFactory Transport =
        new(Options.Create(new SocketTransportOptions { UnsafePreferInlineScheduling = true }), NullLoggerFactory.Instance);

    private readonly SemaphoreSlim _life = new(1, 1);
    private readonly CancellationTokenSource _disposed = new();
    private KestrelServer? _server;
    private EngineLoop _loop;
    private int _port;
    private TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal EngineInstance(EngineSimOptions options, int index)
    {
        (FleetOptions, Index) = (options, index);
        _port = options.Port == 0 ? 0 : options.Port + index;
        _loop = new EngineLoop(options);
        Faults.Changed += OnFaultsChanged;
    }

    /// <summary>Position in the fleet, from 0.</summary>
    public int Index { get; }

    /// <summary>Name, as in the header x-inference-pod.</summary>
    public string Name => $"engine-{Index}";

    /// <summary>Base address, such as http://127.0.0.1:40123; stays the same over crash and restart.</summary>
    public Uri Address => new($"http://{new IPEndPoint(IPAddress.Parse(FleetOptions.Host), _port)}");

    /// <summary>The faults it has.</summary>
    public FaultPlan Faults { get; } = new();

    /// <summary>Whether it listens.</summary>
    public bool IsUp => _server is not null;

    /// <summary>Requests in the batch.</summary>
    public int Running => _loop.Read(model => model.Running);

    /// <summary>Requests waiting for a place.</summary>
    public int Waiting => _loop.Read(model => model.Waiting);

    /// <summary>KV blocks that requests hold.</summary>
    public int UsedBlocks => _loop.Read(model => model.UsedBlocks);

    /// <summary>Requests accepted, finished and aborted since it started, and tokens generated.</summary>
    public (long Accepted, long Finished, long Aborted, long GeneratedTokens) Totals =>
        _loop.Read(model => (model.Counters.Accepted, model.Counters.Finished, model.Counters.Aborted, model.Counters.GeneratedTokens));

    internal EngineSimOptions FleetOptions { get; }

    internal EngineLoop Loop => _loop;

    /// <summary>HTTP calls in progress on paths that use the accelerator, as GET /load counts them.</summary>
    internal int Load;

    /// <summary>Completes when the engine holds no request and no block: neither running nor waiting nor in a last step.</summary>
    /// <exception cref="InvalidOperationException">The engine crashed meanwhile; so for all waits here.</exception>
    public Task WhenIdleAsync() => _loop.When(model => model.Running + model.Waiting == 0 && model.UsedBlocks == 0);

    /// <summary>Completes when at least so many requests are in the batch.</summary>
    public Task WhenRunningAsync(int requests) => _loop.When(model => model.Running >= requests);

    /// <summary>Completes when at least so many requests wait.</summary>
    public Task WhenWaitingAsync(int requests) => _loop.When(model => model.Waiting >= requests);

    /// <summary>Completes when at least so many requests were aborted since the engine started.</summary>
    public Task WhenAbortedAsync(long requests) => _loop.When(model => model.Counters.Aborted >= requests);

    /// <summary>Completes when it next starts to listen again: after a crash that ends by itself, or a restart asked for over HTTP.</summary>
    public Task WhenStartedAgainAsync() => _started.Task;

    /// <summary>Closes the listener and all connections; what ran is lost, with the cache.</summary>
    public async Task CrashAsync()
    {
        await _life.WaitAsync();
        try
        {
            await CloseAsync();
        }
        finally
        {
            _life.Release();
        }
    }

    /// <summary>Crashes if it is up, then listens on its port again with an empty cache and counters at zero.</summary>
    public async Task RestartAsync()
    {
        await _life.WaitAsync();
        try
        {
            await CloseAsync();
            if (!_disposed.IsCancellationRequested)
                await OpenAsync();
        }
        finally
        {
            _life.Release();
        }
    }

    /// <summary>Closes it for good.</summary>
    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync();
        await CrashAsync();
        _loop.Dispose();
    }

    internal async Task OpenAsync()
    {
        var options = new KestrelServerOptions { AddServerHeader = false };
        options.Limits.MaxRequestBodySize = FleetOptions.MaxBodyBytes;
        options.Limits.MinResponseDataRate = null;
        options.Listen(new IPEndPoint(IPAddress.Parse(FleetOptions.Host), _port));
        var server = new KestrelServer(Options.Create(options), Transport, NullLoggerFactory.Instance);
        await server.StartAsync(new EngineApplication(this), CancellationToken.None);
        _port = new Uri(server.Features.Get<Microsoft.AspNetCore.Hosting.Server.Features.IServerAddressesFeature>()!.Addresses.Single()).Port;
        _server = server;
        Interlocked.Exchange(ref _started, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    internal string MetricsText()
    {
        var loop = _loop;
        return loop.Read(model => MetricsPage.Of(model, loop.Metrics, FleetOptions));
    }

    private async Task CloseAsync()
    {
        if (_server is not { } server)
            return;
        _server = null;
        var loop = _loop;
        _loop = new EngineLoop(FleetOptions) { Slowness = Faults.Slowness };
        loop.Dispose();
        // A token that is cancelled already makes the server break its connections at once.
        await server.StopAsync(new CancellationToken(true));
        server.Dispose();
    }

    private void OnFaultsChanged() => _loop.Slowness = Faults.Slowness;

    /// <summary>Crashes in the background and, if asked, comes back; for the fault endpoint, whose own call must still be answered.</summary>
    internal async Task CrashInBackgroundAsync(double? restartAfterSeconds)
    {
        await Task.Yield();
        try
        {
            if (restartAfterSeconds is not { } seconds)
            {
                await CrashAsync();
                return;
            }
            await CrashAsync();
            await Task.Delay(TimeSpan.FromSeconds(seconds), FleetOptions.Time, _disposed.Token);
            await RestartAsync();
        }
        catch (OperationCanceledException)
        {
            // The fleet is closing.
        }
        catch (IOException error)
        {
            await Console.Error.WriteLineAsync($"engine-sim: {Name} cannot listen on port {_port} again: {error.Message}");
        }
    }
}
