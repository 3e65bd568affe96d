using FleetRouter.Gateway.Resuming;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Gateway.Responses;

/// <summary>The items of a conversation's turns as an engine that remembers nothing is told them. Every item stands as its client or its engine
/// wrote it.</summary>
internal static class History
{
    /// <summary>Appends the items of some turns, in order: of each what was asked, then what was answered, with commas between them.</summary>
    public static void Append(IReadOnlyList<StoredResponse> turns, PooledBytes to)
    {
        foreach (StoredResponse turn in turns)
        {
            AppendItems(turn.Input.Span, to);
            AppendItems(ResponseObject.Read(turn.Body.Span).OutputOf(turn.Body.Span), to);
        }
    }

    /// <summary>Appends the items of an array, with a comma before them where something stands there already.</summary>
    public static void AppendItems(ReadOnlySpan<byte> array, PooledBytes to)
    {
        ReadOnlySpan<byte> items = Items(array);
        if (items.IsEmpty)
            return;
        if (to.Length > 0)
            to.Append(","u8);
        to.Append(items);
    }

    /// <summary>What stands between the brackets of an array.</summary>
    public static ReadOnlySpan<byte> Items(ReadOnlySpan<byte> array)
    {
        ReadOnlySpan<byte> all = array.Trim(" \t\r\n"u8);
        return all.Length < 2 ? default : all[1..^1].Trim(" \t\r\n"u8);
    }

    /// <summary>A text as the item that stands for it.</summary>
    /// <param name="text">The text as it stands in JSON, with its quotes.</param>
    /// <param name="to">Where to.</param>
    public static void AppendText(ReadOnlySpan<byte> text, PooledBytes to)
    {
        to.Append("""{"type":"message","role":"user","content":"""u8);
        to.Append(text);
        to.Append("}"u8);
    }
}
