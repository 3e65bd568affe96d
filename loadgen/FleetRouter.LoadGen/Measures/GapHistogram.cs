using System.Numerics;

namespace FleetRouter.LoadGen.Measures;

/// <summary>
/// Gaps between tokens, in microseconds, in logarithmic buckets: 128 to each doubling, so a percentile (nearest rank,
/// middle of its bucket) is within 0.4 % of the exact one; exact below 256 µs. Mean and maximum are exact.
/// </summary>
internal sealed class GapHistogram
{
    private const int SubBuckets = 128;
    private readonly long[] _buckets = new long[SubBuckets * 40];
    private long _count, _sum, _max;

    public long Count => Volatile.Read(ref _count);

    /// <summary>Adds a gap; may be called from several threads.</summary>
    public void Add(TimeSpan gap)
    {
        var microseconds = Math.Max(0, (long)gap.TotalMicroseconds);
        Interlocked.Increment(ref _buckets[Math.Min(IndexOf(microseconds), _buckets.Length - 1)]);
        Interlocked.Increment(ref _count);
        Interlocked.Add(ref _sum, microseconds);
        for (var max = _max; microseconds > max; max = _max)
            if (Interlocked.CompareExchange(ref _max, microseconds, max) == max) break;
    }

    /// <summary>Mean and percentiles in milliseconds; null where nothing was added.</summary>
    public LatencySummary? Summary() => Count == 0 ? null : new LatencySummary(
        Count, _sum / 1000.0 / Count, Percentile(0.50), Percentile(0.90), Percentile(0.99), _max / 1000.0);

    /// <summary>The gap, in milliseconds, that a share of all gaps does not exceed.</summary>
    public double Percentile(double share)
    {
        var rank = Math.Max(1, (long)Math.Ceiling(share * Count));
        long seen = 0;
        for (var i = 0; i < _buckets.Length; i++)
            if ((seen += _buckets[i]) >= rank) return Math.Min(MiddleOf(i), _max) / 1000.0;
        return _max / 1000.0;
    }

    private static int IndexOf(long value)
    {
        if (value < 2 * SubBuckets) return (int)value;
        var shift = BitOperations.Log2((ulong)value) - 7;
        return (shift << 7) + (int)(value >> shift);
    }

    private static double MiddleOf(int index)
    {
        if (index < 2 * SubBuckets) return index;
        var shift = (index >> 7) - 1;
        return ((long)((index & (SubBuckets - 1)) + SubBuckets) << shift) + ((1L << shift) - 1) / 2.0;
    }
}
