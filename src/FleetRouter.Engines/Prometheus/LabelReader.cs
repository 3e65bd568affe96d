using System.Text;

namespace FleetRouter.Engines.Prometheus;

/// <summary>Walks the labels between a sample's braces. Values are bytes as printed: some exporters print label values
/// that are not UTF-8.</summary>
internal ref struct LabelReader(ReadOnlySpan<byte> labels)
{
    private ReadOnlySpan<byte> _rest = labels;

    /// <summary>Name of the current label.</summary>
    public ReadOnlySpan<byte> Name { get; private set; }

    /// <summary>Value of the current label between its quotes, escapes not resolved.</summary>
    public ReadOnlySpan<byte> RawValue { get; private set; }

    /// <summary>The value with its escapes resolved; bytes that are not UTF-8 become U+FFFD.</summary>
    public readonly string Value
    {
        get
        {
            if (!RawValue.Contains((byte)'\\')) return Encoding.UTF8.GetString(RawValue);
            var resolved = new byte[RawValue.Length];
            int length = 0;
            for (int i = 0; i < RawValue.Length; i++)
            {
                byte b = RawValue[i];
                if (b == (byte)'\\' && i + 1 < RawValue.Length)
                {
                    b = RawValue[++i];
                    if (b == (byte)'n') b = (byte)'\n';
                }
                resolved[length++] = b;
            }
            return Encoding.UTF8.GetString(resolved, 0, length);
        }
    }

    /// <summary>Moves to the next label; false at the end, and at the first label that cannot be read.</summary>
    public bool Read()
    {
        _rest = _rest.Trim(" \t,"u8);
        int equals = _rest.IndexOf((byte)'=');
        if (equals <= 0) return false;
        Name = _rest[..equals].Trim(" \t"u8);
        var value = _rest[(equals + 1)..].TrimStart(" \t"u8);
        if (value.IsEmpty || value[0] != (byte)'"') return false;
        int close = EndOfQuoted(value[1..]);
        if (close < 0) return false;
        RawValue = value[1..(close + 1)];
        _rest = value[(close + 2)..];
        return true;
    }

    /// <summary>Index of the brace that closes the labels, braces within quotes not counted; -1 if none does.</summary>
    internal static int EndOfLabels(ReadOnlySpan<byte> text)
    {
        for (int at = 0; at < text.Length;)
        {
            int next = text[at..].IndexOfAny((byte)'"', (byte)'}');
            if (next < 0) return -1;
            at += next;
            if (text[at] == (byte)'}') return at;
            int close = EndOfQuoted(text[(at + 1)..]);
            if (close < 0) return -1;
            at += close + 2;
        }
        return -1;
    }

    private static int EndOfQuoted(ReadOnlySpan<byte> text)
    {
        for (int at = 0; at < text.Length; at++)
        {
            int next = text[at..].IndexOfAny((byte)'"', (byte)'\\');
            if (next < 0) return -1;
            at += next;
            if (text[at] == (byte)'"') return at;
            at++; // the escaped byte
        }
        return -1;
    }
}
