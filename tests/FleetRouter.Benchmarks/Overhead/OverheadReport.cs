using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FleetRouter.Benchmarks.Overhead;

/// <summary>All figures of a run.</summary>
internal sealed record OverheadReport(
    IReadOnlyDictionary<string, string> Versions, string Machine, int Rounds, int WindowSeconds, Spread? ForeignCpuShare, int NoisyWindows, int Windows,
    IReadOnlyList<CellFigures> Cells, IReadOnlyList<MemoryFigures> Memory, IReadOnlyList<Reach> Reach)
{
    /// <summary>Foreign work above this share of the two cores makes a window noisy.</summary>
    public const double NoisyShare = 0.1;

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    public void Print(TextWriter to)
    {
        foreach (CellFigures cell in Cells)
        {
            to.WriteLine();
            to.WriteLine($"{cell.Cell}: {(cell.Answer == "json" ? "1 KiB JSON" : "50-event SSE" + (cell.Answer == "paced" ? ", 10 ms apart" : ""))}, {cell.Connections} connections, prompts of {cell.PromptBytes:N0} bytes");
            to.WriteLine($"  {"",-14}{"per s",9}{"×direct",9}{"×nginx",8} {"(min-max)",-12}{"×plain",8} {"(min-max)",-12}{"p50 ms",9}{"×direct",9}{"×nginx",8}{"p99 ms",9}{"×direct",9}{"×nginx",8}{"CPU µs/req",12}{"µs/chunk",10}{"alloc B/req",13}");
            foreach (Figures f in cell.Targets)
                to.WriteLine($"  {f.Target,-14}{f.PerSecond.Median,9:F0}{Text(f.ToDirect),9}{Text(f.ToNginx),8} {Range(f.ToNginx),-12}{Text(f.ToPlain),8} {Range(f.ToPlain),-12}{f.P50Ms.Median,9:F2}{Text(f.P50ToDirect),9}{Text(f.P50ToNginx),8}{f.P99Ms.Median,9:F2}{Text(f.P99ToDirect),9}{Text(f.P99ToNginx),8}{Text(f.CpuMicrosPerRequest, "F1"),12}{Text(f.CpuMicrosPerChunk, "F1"),10}{Text(f.AllocatedBytesPerRequest, "F0"),13}");
        }
        if (Memory.Count > 0)
        {
            to.WriteLine();
            to.WriteLine("resident memory, MiB: at start → with 500 open streams → after the last window");
            foreach (MemoryFigures m in Memory)
                to.WriteLine($"  {m.Target,-14}{m.StartMib,7:F0} →{m.OpenStreamsMib,7:F0} →{m.EndMib,7:F0}");
        }
        to.WriteLine();
        if (ForeignCpuShare is { } foreign)   // none where only memory was measured
            to.WriteLine($"{Rounds} rounds of {WindowSeconds} s windows; medians. Other programs took {foreign.Median:P0} of the two cores (at most {foreign.Max:P0}); over {NoisyShare:P0} in {NoisyWindows} of {Windows} windows, none left out.");
        if (Cells.Count > 0 && !Cells.Any(c => c.Targets.Any(t => t.AllocatedBytesPerRequest is not null)))
            to.WriteLine("Allocation is left out: the gateway's /metrics has no dotnet_gc_allocated_bytes_total.");
        foreach (Reach r in Reach)
            to.WriteLine($"{(r.Holds ? "holds " : "FAILS ")} {r.Name}: {r.Figure.ToString(r.Bound < 1 ? "F2" : "F1", CultureInfo.InvariantCulture)} ({(r.Bound < 1 ? "at least" : "under")} {r.Bound.ToString(CultureInfo.InvariantCulture)})");
    }

    private static string Text(Spread? figure, string format = "F2") => figure?.Median.ToString(format, CultureInfo.InvariantCulture) ?? "-";

    private static string Range(Spread? figure) => figure is null ? "" : string.Create(CultureInfo.InvariantCulture, $"({figure.Min:F2}-{figure.Max:F2})");
}
