using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace FleetRouter.Benchmarks.Overhead;

/// <summary>A child process held on one core, with the CPU time and memory of its whole tree; stopped, and if need be killed with
/// all its children, when disposed.</summary>
internal sealed class PinnedProcess : IDisposable
{
    /// <summary>The unit of CPU times in /proc, whatever the kernel's own tick.</summary>
    private const double TicksPerSecond = 100;

    private const int Terminate = 15;

    /// <summary>Time the runtime waits for calm before it looks for hot code. Without the wait the same code is reached within
    /// half a minute on a busy core; with it, within some minutes.</summary>
    private const string CompileSooner = "DOTNET_TC_CallCountingDelayMs";

    private readonly Process _process;
    private readonly Queue<string> _lastWords = new();
    private readonly TaskCompletionSource<string> _addressLine = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private PinnedProcess(Process process) => _process = process;

    /// <summary>The line of JSON in which it says where it listens.</summary>
    public Task<string> AddressLine => _addressLine.Task;

    /// <summary>What it said last, in one line.</summary>
    public string LastWords
    {
        get
        {
            lock (_lastWords)
                return _lastWords.Count == 0 ? "it said nothing" : string.Join(" / ", _lastWords);
        }
    }

    public bool HasExited => _process.HasExited;

    public static PinnedProcess Start(int core, string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo("taskset") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["-c", $"{core}", program, .. arguments])
            start.ArgumentList.Add(argument);
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        var process = new Process { StartInfo = start };
        var pinned = new PinnedProcess(process);
        process.OutputDataReceived += (_, line) => pinned.Hear(line.Data, output: true);
        process.ErrorDataReceived += (_, line) => pinned.Hear(line.Data, output: false);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return pinned;
    }

    /// <summary>Starts a program and waits, for at most 20 s, until it listens on all its ports.</summary>
    /// <exception cref="OverheadException">It ended, or did not listen in time.</exception>
    public static async Task<PinnedProcess> StartListeningAsync(
        string who, int core, string program, string[] arguments, int[] ports, CancellationToken cancellation)
    {
        PinnedProcess process = Start(core, program, arguments);
        try
        {
            foreach (int port in ports)
                await process.ListensAsync(who, port, cancellation);
            return process;
        }
        catch
        {
            process.Dispose();
            throw;
        }
    }

    /// <summary>Starts a .NET program on the proxy's core and waits, for at most 30 s, until it says where it listens.</summary>
    /// <exception cref="OverheadException">It ended, or did not say so in time.</exception>
    public static async Task<(PinnedProcess Process, Uri Address)> StartDotnetAsync(
        string who, string[] arguments, IReadOnlyDictionary<string, string> environment, CancellationToken cancellation)
    {
        PinnedProcess process = Start(Cores.Proxy, "dotnet", arguments, new Dictionary<string, string>(environment) { [CompileSooner] = "0" });
        try
        {
            using var ready = JsonDocument.Parse(await process.AddressLine.WaitAsync(TimeSpan.FromSeconds(30), cancellation));
            return (process, new Uri(ready.RootElement.GetProperty("listen").GetString()!));
        }
        catch (Exception e) when (e is TimeoutException or JsonException or KeyNotFoundException)
        {
            process.Dispose();
            throw new OverheadException($"{who} did not start: {process.LastWords}");
        }
        catch
        {
            process.Dispose();
            throw;
        }
    }

    /// <summary>Moves the process and its threads to other cores; what it was told of the machine at its start stays.</summary>
    public void MoveTo(int[] cores)
    {
        using Process taskset = Process.Start(new ProcessStartInfo("taskset", ["-a", "-c", "-p", string.Join(',', cores), $"{_process.Id}"]) { RedirectStandardOutput = true })!;
        taskset.StandardOutput.ReadToEnd();
        taskset.WaitForExit();
    }

    /// <summary>User and system time of the process and all its children so far, in seconds.</summary>
    public double CpuSeconds() => Tree().Sum(p => p.CpuTicks) / TicksPerSecond;

    /// <summary>Resident memory of the process and all its children, in MiB; pages they share count in each.</summary>
    public double ResidentMiB() => Tree().Sum(p => p.ResidentPages) * (double)Environment.SystemPageSize / (1 << 20);

    /// <summary>CPU time of this process and of the children it has waited for, in seconds.</summary>
    public static double OwnCpuSeconds()
    {
        string[] fields = Fields(File.ReadAllText("/proc/self/stat"));
        return (Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14])) / TicksPerSecond;
    }

    /// <summary>Time the first two cores were not idle, whoever used them, in seconds.</summary>
    public static double BusySeconds() => File.ReadLines("/proc/stat").Where(l => l.StartsWith("cpu0 ", StringComparison.Ordinal) || l.StartsWith("cpu1 ", StringComparison.Ordinal))
        .Sum(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9].Where((_, i) => i is not (3 or 4)).Sum(Number)) / TicksPerSecond;

    public void Dispose()
    {
        // Asked first, so that a program with workers ends and buries them itself.
        if (!_process.HasExited && (Signal(_process.Id, Terminate) != 0 || !_process.WaitForExit(2000)))
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit(5000);
        }
        _process.Dispose();
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Signal(int processId, int signal);

    private void Hear(string? line, bool output)
    {
        if (line is null)
            return;
        if (output && line.StartsWith("{\"listen\"", StringComparison.Ordinal))
            _addressLine.TrySetResult(line);
        lock (_lastWords)
        {
            _lastWords.Enqueue(line.Trim());
            if (_lastWords.Count > 3)
                _lastWords.Dequeue();
        }
    }

    private async Task ListensAsync(string who, int port, CancellationToken cancellation)
    {
        for (int tries = 0; tries < 400 && !HasExited; tries++)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync("127.0.0.1", port, cancellation);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(50, cancellation);
            }
        }
        throw new OverheadException($"{who} did not start: {LastWords}");
    }

    private List<(double CpuTicks, double ResidentPages)> Tree()
    {
        var all = new Dictionary<int, (int Parent, double CpuTicks, double Pages)>();
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), out int id))
                continue;
            if (Stat(directory) is not { } stat)
                continue;
            string[] fields = Fields(stat);
            all[id] = ((int)Number(fields[1]), Number(fields[11]) + Number(fields[12]), Number(fields[21]));
        }
        return [.. all.Where(p => BelongsHere(p.Key)).Select(p => (p.Value.CpuTicks, p.Value.Pages))];

        bool BelongsHere(int id)
        {
            while (id != _process.Id)
            {
                if (!all.TryGetValue(id, out var process) || process.Parent <= 1)
                    return false;
                id = process.Parent;
            }
            return true;
        }
    }

    /// <summary>The stat file of a process or thread; null where it ended between the listing and the reading.</summary>
    private static string? Stat(string directory)
    {
        try
        {
            return File.ReadAllText(directory + "/stat");
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>The fields after the command's name, which may itself hold spaces: state is 0, parent 1, utime 11, stime 12,
    /// those of waited-for children 13 and 14, resident pages 21.</summary>
    private static string[] Fields(string stat) => stat[(stat.LastIndexOf(')') + 2)..].Split(' ');

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
