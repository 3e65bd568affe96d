namespace FleetRouter.Benchmarks.Overhead;

/// <summary>One target in one cell in one round.</summary>
/// <param name="Load">What the clients saw.</param>
/// <param name="CpuSeconds">CPU time of the proxy's process tree; null without a proxy.</param>
/// <param name="Chunks">Chunks that passed, those of streams still open at the end too; 0 where nothing streams.</param>
/// <param name="AllocatedBytes">Managed bytes allocated; null where not told.</param>
/// <param name="ForeignShare">Share of the two cores' time that other programs took.</param>
internal sealed record Window(Load Load, double? CpuSeconds, double Chunks, long? AllocatedBytes, double ForeignShare)
{
    public double Rate => Load.Requests / Load.Seconds;

    public double? CpuMicrosPerRequest => CpuSeconds * 1e6 / Load.Requests;

    public double? CpuMicrosPerChunk => Chunks > 0 ? CpuSeconds * 1e6 / Chunks : null;

    public double? AllocatedPerRequest => (double?)AllocatedBytes / Load.Requests;

    public static async Task<Window> MeasureAsync(Cell cell, Target target, BenchEngines engines, int seconds, string directory, CancellationToken cancellation)
    {
        long? allocated = await target.AllocatedBytesAsync(cancellation);
        (double busy, double own, double cpu) = (PinnedProcess.BusySeconds(), PinnedProcess.OwnCpuSeconds() + engines.CpuSeconds(), target.Process?.CpuSeconds() ?? 0);
        long began = TimeProvider.System.GetTimestamp();
        Load load = await Load.RunAsync(cell, target, seconds, directory, cancellation);
        double took = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        cpu = (target.Process?.CpuSeconds() ?? 0) - cpu;
        own = PinnedProcess.OwnCpuSeconds() + engines.CpuSeconds() - own;
        busy = PinnedProcess.BusySeconds() - busy;
        allocated = await target.AllocatedBytesAsync(cancellation) - allocated;
        double chunks = cell.Streams ? (double)load.Bytes / target.StreamBytes * BenchEngines.Chunks : 0;
        return new Window(load, target.Process is null ? null : cpu, chunks, allocated, Math.Max(0, busy - own - cpu) / (2 * took));
    }
}
