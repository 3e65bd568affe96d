using System.Runtime.CompilerServices;

namespace FleetRouter.Gateway.Configuration;

/// <summary>Yields new options when the file's content changes to something valid. An invalid edit, or a file that is
/// gone, keeps what runs and is told once.</summary>
/// <remarks>Compares contents at an interval: a file replaced by an editor, by a mount, or by Kubernetes, which swaps a
/// symbolic link two folders up, is the same to it, and no notification can be lost. A change counts once two reads in a
/// row see the same bytes, so that a file still being written is not taken for a shorter one.</remarks>
/// <param name="path">The file.</param>
/// <param name="reader">Reads it.</param>
/// <param name="running">The reading whose options run.</param>
/// <param name="report">Told the problems of each invalid content, once.</param>
/// <param name="time">The clock of the interval.</param>
/// <param name="interval">Time between reads; 2 s unless given.</param>
internal sealed class ConfigurationWatcher(string path, ConfigurationReader reader, ConfigurationReading running,
    Action<IReadOnlyList<ConfigurationProblem>> report, TimeProvider time, TimeSpan? interval = null)
{
    private static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(2);

    /// <summary>Each valid change, until cancelled.</summary>
    public async IAsyncEnumerable<GatewayOptions> WatchAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        string known = running.ContentHash, seen = known;
        while (true)
        {
            await Task.Delay(interval ?? DefaultInterval, time, cancellation).ConfigureAwait(false);
            var reading = reader.ReadFile(path);
            bool settled = reading.ContentHash == seen;
            seen = reading.ContentHash;
            if (!settled || seen == known) continue;
            known = seen;
            if (reading.Options is { } options) yield return options;
            else report(reading.Problems);
        }
    }
}
