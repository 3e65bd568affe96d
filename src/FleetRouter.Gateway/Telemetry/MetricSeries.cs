namespace FleetRouter.Gateway.Telemetry;

/// <summary>One combination of label values and what was measured for it. Recording takes no lock.</summary>
/// <param name="labels">The labels as they stand between the braces.</param>
internal abstract class MetricSeries(byte[] labels)
{
    public byte[] Labels { get; } = labels;

    public abstract void Record(double value);

    public abstract void WriteTo(MetricText text, byte[] name);

    /// <summary>Adds to a double that many threads add to.</summary>
    protected static void Add(ref double sum, double value)
    {
        double seen = Volatile.Read(ref sum);
        while (true)
        {
            double before = Interlocked.CompareExchange(ref sum, seen + value, seen);
            if (before.Equals(seen)) return;
            seen = before;
        }
    }

    /// <summary>Begins a line: name, suffix, labels.</summary>
    protected MetricText Line(MetricText text, byte[] name, ReadOnlySpan<byte> suffix)
    {
        text.Append(name).Append(suffix);
        if (Labels.Length > 0) text.Append("{"u8).Append(Labels).Append("}"u8);
        return text.Append(" "u8);
    }
}

/// <summary>A sum.</summary>
internal sealed class SumSeries(byte[] labels, bool mayFall) : MetricSeries(labels)
{
    private double _sum;

    public override void Record(double value)
    {
        if (mayFall ? double.IsFinite(value) : value >= 0 && double.IsFinite(value)) Add(ref _sum, value);
    }

    public override void WriteTo(MetricText text, byte[] name) => Line(text, name, default).Append(Volatile.Read(ref _sum)).Append("\n"u8);
}

/// <summary>The last value.</summary>
internal sealed class LastSeries(byte[] labels) : MetricSeries(labels)
{
    private double _last;

    public override void Record(double value) => Volatile.Write(ref _last, value);

    public override void WriteTo(MetricText text, byte[] name) => Line(text, name, default).Append(Volatile.Read(ref _last)).Append("\n"u8);
}

/// <summary>Counts by size.</summary>
/// <param name="bounds">Upper bounds, inclusive, ascending.</param>
/// <param name="boundLabels">The <c>le</c> label of each bound and of infinity.</param>
internal sealed class HistogramSeries(byte[] labels, double[] bounds, byte[][] boundLabels) : MetricSeries(labels)
{
    private readonly long[] _counts = new long[bounds.Length + 1];
    private double _sum;

    public override void Record(double value)
    {
        if (!double.IsFinite(value)) return;
        int at = Array.BinarySearch(bounds, value);
        Interlocked.Increment(ref _counts[at < 0 ? ~at : at]);
        Add(ref _sum, value);
    }

    public override void WriteTo(MetricText text, byte[] name)
    {
        // The count is the buckets' own sum, so that +Inf and count agree whatever is recorded meanwhile.
        long count = 0;
        for (int i = 0; i < _counts.Length; i++)
        {
            count += Volatile.Read(ref _counts[i]);
            text.Append(name).Append("_bucket{"u8).Append(Labels).Append(Labels.Length > 0 ? ","u8 : default)
                .Append(boundLabels[i]).Append("} "u8).Append(count).Append("\n"u8);
        }
        Line(text, name, "_sum"u8).Append(Volatile.Read(ref _sum)).Append("\n"u8);
        Line(text, name, "_count"u8).Append(count).Append("\n"u8);
    }
}
