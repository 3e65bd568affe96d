using System.Buffers;
using System.Globalization;
using System.Text;

namespace FleetRouter.Gateway.Telemetry;

/// <summary>Appends UTF-8 text and numbers as Prometheus reads them.</summary>
internal readonly struct MetricText(IBufferWriter<byte> output)
{
    public MetricText Append(string text)
    {
        Encoding.UTF8.GetBytes(text, output);
        return this;
    }

    public MetricText Append(ReadOnlySpan<byte> text)
    {
        output.Write(text);
        return this;
    }

    public MetricText Append(double value)
    {
        if (double.IsInfinity(value)) return Append(value > 0 ? "+Inf"u8 : "-Inf"u8);
        var span = output.GetSpan(32);
        value.TryFormat(span, out int written, default, CultureInfo.InvariantCulture);
        output.Advance(written);
        return this;
    }

    public MetricText Append(long value)
    {
        var span = output.GetSpan(20);
        value.TryFormat(span, out int written, default, CultureInfo.InvariantCulture);
        output.Advance(written);
        return this;
    }

    /// <summary>Labels between their braces, in order of name; empty without any. A name that repeats once it is legal
    /// counts once.</summary>
    public static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in tags)
            labels.TryAdd(MetricName.OfLabel(name), Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
        return string.Join(',', labels.Select(label => $"{label.Key}=\"{EscapeLabel(label.Value)}\""));
    }

    public static string EscapeHelp(string text) => text.Replace("\\", "\\\\").ReplaceLineEndings("\\n");

    public static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private static string EscapeLabel(string text) => text.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n");
}
