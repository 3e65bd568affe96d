using System.IO.Compression;
using System.Text;

namespace FleetRouter.Simulation.Traces;

/// <summary>How a trace is read.</summary>
/// <param name="Seed">Seed of the jitter and of the sessions' start process.</param>
/// <param name="Jitter">Spread quantised arrivals uniformly within their tick (Mooncake: 3 s), so that a tick is no burst.</param>
/// <param name="SessionRate">
/// Sessions per second, above 0, of the Poisson process that starts the sessions of a trace without absolute starts.
/// </param>
/// <param name="LongestThinkTime">Longer think times are cut to this; null keeps them all.</param>
public sealed record TraceReading(ulong Seed = 1, bool Jitter = true, double SessionRate = 0.5, TimeSpan? LongestThinkTime = null)
{
    internal TimeSpan Think(double seconds)
    {
        var think = TimeSpan.FromSeconds(Math.Max(0, seconds));
        return think > LongestThinkTime ? LongestThinkTime.Value : think;
    }
}

/// <summary>
/// A trace file, plain or gzipped (told by its content), as sessions of requests. Reading is lazy where the format allows:
/// Mooncake, Azure and Claude Code line by line; BurstGPT and LMCache, whose sessions are spread over the file, whole.
/// </summary>
public sealed class Trace
{
    private readonly string _path;
    private readonly TraceReading _reading;
    private readonly SortedDictionary<string, int> _skipped = new(StringComparer.Ordinal);

    private Trace(string path, TraceFormat format, TraceReading reading) => (_path, Format, _reading) = (path, format, reading);

    /// <summary>The format, given or found.</summary>
    public TraceFormat Format { get; }

    /// <summary>The file's name without its folder.</summary>
    public string Name => Path.GetFileName(_path);

    /// <summary>Rows left out so far by <see cref="Sessions"/>, counted by reason.</summary>
    public IReadOnlyDictionary<string, int> Skipped => _skipped;

    /// <summary>Opens a trace and finds its format.</summary>
    /// <param name="path">The file.</param>
    /// <param name="format">The format; null looks at the first line.</param>
    /// <param name="reading">Seed, jitter and start process.</param>
    /// <exception cref="TraceReadException">No such file, unreadable, empty, or of an unknown format.</exception>
    public static Trace Open(string path, TraceFormat? format, TraceReading reading)
    {
        var first = Lines(path).Select(line => line.Text).FirstOrDefault()
            ?? throw new TraceReadException($"{Path.GetFileName(path)}: the trace is empty");
        var found = format ?? TraceFormats.Detect(first) ?? throw new TraceReadException(
            $"{Path.GetFileName(path)}:1: is no known trace format; name it with --format {string.Join('|', TraceFormats.Names.Select(n => n.Name))}");
        return new Trace(path, found, reading);
    }

    /// <summary>
    /// The sessions in the file's order, which need not be the order of their starts. The first request starts near zero.
    /// </summary>
    /// <exception cref="TraceReadException">While enumerating: a line is malformed.</exception>
    public IEnumerable<TraceSession> Sessions()
    {
        _skipped.Clear();
        return Format switch
        {
            TraceFormat.Mooncake => MooncakeReader.Read(Lines(_path), _reading),
            TraceFormat.Azure => AzureReader.Read(Lines(_path)),
            TraceFormat.BurstGpt => BurstGptReader.Read(Lines(_path), _reading, Skip),
            TraceFormat.ClaudeCode => ClaudeCodeReader.Read(Lines(_path), _reading),
            TraceFormat.LmcacheAgent => LmcacheAgentReader.Read(Lines(_path), _reading, Skip),
            _ => throw new InvalidOperationException($"No reader for {Format}."),
        };
    }

    private void Skip(string reason) => _skipped[reason] = _skipped.GetValueOrDefault(reason) + 1;

    private static IEnumerable<TraceLine> Lines(string path)
    {
        var name = Path.GetFileName(path);
        using var reader = Open(path, name);
        for (long number = 1; ; number++)
        {
            string? text;
            try { text = reader.ReadLine(); }
            catch (InvalidDataException) { throw new TraceReadException($"{name}:{number}: the gzip data is broken"); }
            catch (IOException wrong) { throw new TraceReadException($"{name}:{number}: {wrong.Message}"); }
            if (text is null) yield break;
            if (text.Length > 0) yield return new TraceLine(name, number, text);
        }
    }

    private static StreamReader Open(string path, string name)
    {
        try
        {
            var file = File.OpenRead(path);
            var gzipped = file.ReadByte() == 0x1f && file.ReadByte() == 0x8b;
            file.Position = 0;
            return new StreamReader(gzipped ? new GZipStream(file, CompressionMode.Decompress) : file, Encoding.UTF8);
        }
        catch (Exception wrong) when (wrong is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new TraceReadException($"{path}: no such trace file");
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new TraceReadException($"{name}: {wrong.Message}");
        }
    }
}
