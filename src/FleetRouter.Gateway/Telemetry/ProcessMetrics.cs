using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace FleetRouter.Gateway.Telemetry;

/// <summary>What every dashboard asks of a process, under the names Prometheus clients agree on:
/// <c>process_cpu_seconds_total</c>, <c>process_resident_memory_bytes</c>, <c>process_start_time_seconds</c>,
/// <c>dotnet_gc_allocated_bytes_total</c>, <c>dotnet_gc_collections_total</c>, <c>dotnet_threadpool_threads</c>.</summary>
internal static class ProcessMetrics
{
    /// <summary>Adds the instruments to <paramref name="meter"/>.</summary>
    public static void AddTo(Meter meter)
    {
        double startedAt = StartedAtSeconds();
        meter.CreateObservableCounter("process.cpu", () => Environment.CpuUsage.TotalTime.TotalSeconds, "s", "User and system CPU time spent.");
        meter.CreateObservableGauge("process.resident_memory", () => Environment.WorkingSet, "By", "Resident memory.");
        meter.CreateObservableGauge("process.start_time", () => startedAt, "s", "Start of the process since the Unix epoch.");
        meter.CreateObservableCounter("dotnet.gc.allocated", () => GC.GetTotalAllocatedBytes(), "By", "Bytes allocated on the managed heap.");
        meter.CreateObservableCounter("dotnet.gc.collections", Collections, null, "Garbage collections by generation; a collection of a generation counts for the younger ones too.");
        meter.CreateObservableGauge("dotnet.threadpool.threads", () => ThreadPool.ThreadCount, null, "Threads of the thread pool.");
    }

    private static IEnumerable<Measurement<int>> Collections() =>
        Enumerable.Range(0, GC.MaxGeneration + 1).Select(generation =>
            new Measurement<int>(GC.CollectionCount(generation), new KeyValuePair<string, object?>("generation", generation)));

    private static double StartedAtSeconds()
    {
        using var self = Process.GetCurrentProcess();
        return new DateTimeOffset(self.StartTime).ToUnixTimeMilliseconds() / 1000.0;
    }
}
