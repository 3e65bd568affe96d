using System.Buffers.Text;

namespace FleetRouter.Engines.Prometheus;

/// <summary>Walks the samples of a Prometheus text page (format 0.0.4, and OpenMetrics as engines print it) without
/// allocating. A line it cannot read is skipped and counted: a page of an engine unknown today must not make it look ill.</summary>
internal ref struct PrometheusReader(ReadOnlySpan<byte> page)
{
    private ReadOnlySpan<byte> _rest = page;
    private ReadOnlySpan<byte> _labels;

    /// <summary>Name of the current sample, as printed.</summary>
    public ReadOnlySpan<byte> Name { get; private set; }

    /// <summary>Value of the current sample; may be NaN or infinite.</summary>
    public double Value { get; private set; }

    /// <summary>Lines that are neither blank, nor a comment, nor a sample.</summary>
    public int SkippedLines { get; private set; }

    /// <summary>Labels of the current sample.</summary>
    public readonly LabelReader Labels => new(_labels);

    /// <summary>Moves to the next sample.</summary>
    /// <returns>False at the end of the page.</returns>
    public bool Read()
    {
        while (!_rest.IsEmpty)
        {
            int end = _rest.IndexOf((byte)'\n');
            var line = TrimBlank(end < 0 ? _rest : _rest[..end]);
            _rest = end < 0 ? default : _rest[(end + 1)..];
            if (line.IsEmpty || line[0] == (byte)'#') continue;
            if (ReadSample(line)) return true;
            SkippedLines++;
        }
        return false;
    }

    private bool ReadSample(ReadOnlySpan<byte> line)
    {
        int nameEnd = line.IndexOfAny((byte)'{', (byte)' ', (byte)'\t');
        if (nameEnd <= 0) return false;
        Name = line[..nameEnd];
        var rest = TrimBlank(line[nameEnd..]);
        _labels = default;
        if (!rest.IsEmpty && rest[0] == (byte)'{')
        {
            int close = LabelReader.EndOfLabels(rest[1..]);
            if (close < 0) return false;
            _labels = rest[1..(close + 1)];
            rest = TrimBlank(rest[(close + 2)..]);
        }
        // What follows the value (a timestamp, an exemplar after '#') says nothing the router needs.
        int valueEnd = rest.IndexOfAny((byte)' ', (byte)'\t');
        if (!TryParseValue(valueEnd < 0 ? rest : rest[..valueEnd], out double value)) return false;
        Value = value;
        return true;
    }

    private static bool TryParseValue(ReadOnlySpan<byte> text, out double value)
    {
        // Go prints NaN, +Inf and -Inf; Utf8Parser knows only "Infinity" and "NaN".
        var unsigned = !text.IsEmpty && text[0] is (byte)'+' or (byte)'-' ? text[1..] : text;
        if (EqualsIgnoringCase(unsigned, "inf"u8) || EqualsIgnoringCase(unsigned, "infinity"u8))
        {
            value = text[0] == (byte)'-' ? double.NegativeInfinity : double.PositiveInfinity;
            return true;
        }
        if (EqualsIgnoringCase(unsigned, "nan"u8))
        {
            value = double.NaN;
            return true;
        }
        return Utf8Parser.TryParse(text, out value, out int consumed) && consumed == text.Length;
    }

    private static bool EqualsIgnoringCase(ReadOnlySpan<byte> text, ReadOnlySpan<byte> lower)
    {
        if (text.Length != lower.Length) return false;
        for (int i = 0; i < text.Length; i++)
            if ((text[i] | 0x20) != lower[i]) return false;
        return true;
    }

    private static ReadOnlySpan<byte> TrimBlank(ReadOnlySpan<byte> text) => text.Trim(" \t\r"u8);
}
