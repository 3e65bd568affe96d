using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;

namespace FleetRouter.LoadGen.Demo;

/// <summary>
/// A server started for the time of a demo. It says on its first line of JSON where it listens; what it wrote to stderr
/// is shown only if it fails; however the demo ends, it is ended too (its stdin closes, then it is killed).
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private const int KeptLines = 120;
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

    private readonly string _name;
    private readonly Process _process;
    private readonly Queue<string> _errors = [];
    private readonly TaskCompletionSource<string> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _output, _errorOutput;

    private ChildProcess(string name, Process process)
    {
        (_name, _process) = (name, process);
        _output = ReadOutput();
        _errorOutput = ReadErrors();
    }

    /// <summary>Starts a program.</summary>
    /// <param name="name">What to call it in messages.</param>
    /// <exception cref="UsageException">The program cannot be started.</exception>
    public static ChildProcess Start(string name, string program, params IEnumerable<string> arguments) => Start(name, program, new Dictionary<string, string>(), arguments);

    /// <summary>Starts a program.</summary>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="program">The program.</param>
    /// <param name="environment">What its environment has beside this one's.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <exception cref="UsageException">The program cannot be started.</exception>
    public static ChildProcess Start(string name, string program, IReadOnlyDictionary<string, string> environment, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (variable, value) in environment) start.Environment[variable] = value;
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        try { return new ChildProcess(name, Process.Start(start)!); }
        catch (Win32Exception wrong) { throw new UsageException($"cannot start {name} ({program}): {wrong.Message}"); }
    }

    public bool HasExited => _process.HasExited;

    /// <summary>Its number.</summary>
    public int Id => _process.Id;

    /// <summary>Waits for the line of JSON that says the child is ready.</summary>
    /// <exception cref="UsageException">It ended or stayed silent instead; the message holds what it wrote to stderr.</exception>
    public async Task<JsonElement> Ready(TimeSpan patience, CancellationToken stop)
    {
        try
        {
            using var line = JsonDocument.Parse(await _ready.Task.WaitAsync(patience, stop));
            return line.RootElement.Clone();
        }
        catch (TimeoutException) { throw new UsageException($"{_name} was not ready within {patience.TotalSeconds:0} s{Said()}"); }
        catch (JsonException) { throw new UsageException($"{_name} said something else than JSON when it was ready: {await _ready.Task}"); }
        catch (InvalidOperationException)
        {
            await _errorOutput.WaitAsync(Grace, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw new UsageException($"{_name} ended before it was ready{Said()}");
        }
    }

    /// <summary>Stops it as SIGSTOP does: it holds what it has and answers nobody.</summary>
    public Task Freeze() => Signal("STOP");

    /// <summary>Tells it to end, as SIGTERM does; returns when it is gone.</summary>
    public async Task Terminate()
    {
        await Signal("TERM");
        await _process.WaitForExitAsync();
    }

    /// <summary>Ends it as SIGKILL does; returns when it is gone.</summary>
    public async Task Kill()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    private async Task Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    /// <summary>What it wrote to stderr last, on lines of its own; empty if nothing.</summary>
    public string Said()
    {
        lock (_errors) return _errors.Count == 0 ? "" : $"; it wrote:\n  {string.Join("\n  ", _errors)}";
    }

    private async Task ReadOutput()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
            if (line.StartsWith('{')) _ready.TrySetResult(line);
        _ready.TrySetException(new InvalidOperationException("stdout ended"));
    }

    private async Task ReadErrors()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_errors)
            {
                _errors.Enqueue(line);
                if (_errors.Count > KeptLines) _errors.Dequeue();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        try { _process.StandardInput.Close(); }
        catch (IOException) { }
        try { await _process.WaitForExitAsync().WaitAsync(Grace); }
        catch (TimeoutException)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync().WaitAsync(Grace).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        // Grandchildren may hold the pipes open; the readers are not waited for beyond a grace.
        await Task.WhenAll(_output, _errorOutput).WaitAsync(Grace).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ = _ready.Task.Exception;
        _process.Dispose();
    }
}
