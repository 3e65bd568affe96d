using System.Diagnostics;
using System.Text.Json;

namespace FleetRouter.Gateway;

/// <summary>Engine stand-ins of the gateway's own (<c>--engines N</c>), in a child process that ends with it.</summary>
internal sealed class StandIns : IDisposable
{
    private readonly Process _process;

    private StandIns(Process process, IReadOnlyList<Uri> addresses) => (_process, Addresses) = (process, addresses);

    public IReadOnlyList<Uri> Addresses { get; }

    /// <summary>Starts <paramref name="count"/> stand-ins and waits until they listen.</summary>
    /// <exception cref="IOException">They are not built, or did not start.</exception>
    public static async Task<StandIns> StartAsync(int count)
    {
        const string name = "FleetRouter.EngineSim";
        string program = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", name, "release", name + ".dll"));
        if (!File.Exists(program))
            throw new IOException($"the engine stand-ins are not built: {program} is missing; start the gateway by ./fleet run --engines {count}");
        var start = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (string argument in (string[])[program, "--count", $"{count}", "--port", "0", "--ready-json", "--exit-with-parent"])
            start.ArgumentList.Add(argument);
        Process process = Process.Start(start)!;
        while (await process.StandardOutput.ReadLineAsync() is { } line)
            if (line.StartsWith('{'))
                return new StandIns(process, [.. JsonDocument.Parse(line).RootElement.GetProperty("engines").EnumerateArray().Select(e => new Uri(e.GetString()!))]);
        process.Kill(entireProcessTree: true);
        throw new IOException("the engine stand-ins ended before they listened; their own message is above");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }
}
