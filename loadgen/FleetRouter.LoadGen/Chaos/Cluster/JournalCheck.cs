using System.Diagnostics;
using System.Text.Json;
using FleetRouter.LoadGen.Demo;

namespace FleetRouter.LoadGen.Chaos.Cluster;

/// <summary>What a replay of all journals in the gateways' database found.</summary>
/// <param name="Runs">Lives of pools in it.</param>
/// <param name="Entries">Events replayed; after each the pool's load was set beside the sum over its gateways.</param>
/// <param name="LoadMismatches">Events after which they differed.</param>
/// <param name="Troubles">What differed or could not be replayed, one line each.</param>
internal sealed record JournalCheck(int Runs, long Entries, long LoadMismatches, IReadOnlyList<string> Troubles)
{
    /// <summary>Has the gateway's own verb replay them.</summary>
    /// <param name="variable">Environment variable that is to hold the connection string.</param>
    /// <param name="connection">The connection string.</param>
    /// <param name="stop">Ends the replay.</param>
    /// <exception cref="UsageException">They cannot be read.</exception>
    public static async Task<JournalCheck> Of(string variable, string connection, CancellationToken stop)
    {
        var json = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo(DemoFleet.Dotnet, [DemoFleet.Sibling("FleetRouter.Gateway"), "why", "--database", $"env:{variable}", "--json", json])
            {
                RedirectStandardOutput = true, RedirectStandardError = true, Environment = { [variable] = connection },
            };
            using var process = Process.Start(start)!;
            var said = process.StandardOutput.ReadToEndAsync(stop);
            var wrong = await process.StandardError.ReadToEndAsync(stop);
            await said;
            await process.WaitForExitAsync(stop);
            if (new FileInfo(json).Length == 0) throw new UsageException($"the gateways' journals cannot be replayed: {wrong.Trim()}");
            using var answer = JsonDocument.Parse(await File.ReadAllBytesAsync(json, stop));
            return Read(answer.RootElement.GetProperty("replays"));
        }
        finally { File.Delete(json); }
    }

    private static JournalCheck Read(JsonElement replays) => new(
        replays.GetArrayLength(), replays.EnumerateArray().Sum(run => run.GetProperty("events").GetInt64()), replays.EnumerateArray().Sum(run => run.GetProperty("loadMismatches").GetInt64()),
        [
            .. replays.EnumerateArray().SelectMany(run => new[] { "firstLoadMismatch", "firstDifference", "notReplayed" }
                .Select(what => run.TryGetProperty(what, out var said) ? $"journal of run {run.GetProperty("run").GetString()}, {what}: {said.GetString()}" : null)).OfType<string>(),
        ]);
}
