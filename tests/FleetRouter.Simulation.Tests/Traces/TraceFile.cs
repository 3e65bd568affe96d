using System.IO.Compression;
using System.Text;
using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Tests.Traces;

/// <summary>A trace written for one test.</summary>
internal sealed class TraceFile : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fleet-trace-").FullName;

    public TraceFile(string name, params IEnumerable<string> lines)
    {
        Path = System.IO.Path.Combine(_folder, name);
        var bytes = Encoding.UTF8.GetBytes(string.Join('\n', lines));
        if (!name.EndsWith(".gz", StringComparison.Ordinal)) File.WriteAllBytes(Path, bytes);
        else
        {
            using var zipped = new GZipStream(File.Create(Path), CompressionLevel.Fastest);
            zipped.Write(bytes);
        }
    }

    /// <summary>Lines of Mooncake's format, two a second: ten prefixes, each come back to.</summary>
    public static IEnumerable<string> Mooncake(int requests) => Enumerable.Range(0, requests).Select(i =>
        $$"""{"timestamp":{{i * 500}},"input_length":{{2000 + 97 * i % 6000}},"output_length":12,"hash_ids":[0,{{string.Join(',', Enumerable.Range(i % 10 * 20 + 1, 15))}}]}""");

    public string Path { get; }

    public List<TraceSession> Read(TraceReading? reading = null) => [.. Trace.Open(Path, null, reading ?? new TraceReading()).Sessions()];

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
