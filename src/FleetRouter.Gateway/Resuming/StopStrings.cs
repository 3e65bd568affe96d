using System.Text;
using System.Text.Json;

namespace FleetRouter.Gateway.Resuming;

/// <summary>Looks for a request's stop strings in an answer that goes on elsewhere, since one may begin before the seam and end behind
/// it. As vLLM does: text that may become one is held back, and none counts before min_tokens.</summary>
/// <remarks>vLLM, v1/engine/detokenizer.py: the first in the request's order that ends within the newest text; shown is all before it.</remarks>
internal sealed class StopStrings
{
    private readonly string[] _stops;
    private readonly bool _isShown;
    private readonly int _longest;   // characters of a stop string that may stand before the one that completes it
    private string _shownTail = "", _held = "";

    /// <summary>The stop strings of a body; null where it has none.</summary>
    public static StopStrings? Of(ReadOnlySpan<byte> body, in AnswerTerms terms)
    {
        if (!terms.HasStop)
            return null;
        using JsonDocument document = JsonDocument.Parse(body.ToArray());
        JsonElement stop = document.RootElement.GetProperty("stop");
        string[] stops = stop.ValueKind == JsonValueKind.Array
            ? [.. stop.EnumerateArray().Select(one => one.GetString() ?? "").Where(one => one.Length > 0)]
            : stop.GetString() is { Length: > 0 } single ? [single] : [];
        return stops.Length == 0 ? null : new StopStrings(stops, terms.IncludesStop);
    }

    private StopStrings(string[] stops, bool isShown)
    {
        (_stops, _isShown) = (stops, isShown);
        _longest = stops.Max(stop => stop.Length) - 1;
    }

    /// <summary>Begins behind what an engine has made. Only word of it may have been lost: then the answer has ended already.</summary>
    /// <param name="shown">The text the client has.</param>
    /// <param name="unshown">What the engine held back of it.</param>
    /// <param name="counts">Whether a stop string counts yet.</param>
    public (string Shown, string? Stop) Begin(string shown, string unshown, bool counts)
    {
        (_shownTail, _held) = (Tail(shown), "");
        if (Find(_shownTail + unshown, unshown.Length, counts) is not { } found)
        {
            _held = unshown;
            return ("", null);
        }
        return found;
    }

    /// <summary>Takes more text; answers what of it may be shown, and the stop string that ends the answer with it, if one does.</summary>
    /// <param name="text">The text added.</param>
    /// <param name="counts">Whether a stop string counts yet.</param>
    /// <param name="isLast">Whether the answer ends with it in any case.</param>
    public (string Shown, string? Stop) Take(string text, bool counts, bool isLast)
    {
        string all = _shownTail + _held + text;
        if (Find(all, text.Length, counts) is { } found)
            return found;
        int from = _shownTail.Length;
        int until = isLast || _isShown ? all.Length : Math.Max(from, all.Length - _longest);
        if (until > from && until < all.Length && char.IsLowSurrogate(all[until]))
            until--;
        (_shownTail, _held) = (Tail(all[..until]), all[until..]);
        return (all[from..until], null);
    }

    /// <summary>The first stop string that ends within the last <paramref name="newest"/> characters, and what is shown before it.</summary>
    private (string Shown, string? Stop)? Find(string all, int newest, bool counts)
    {
        if (!counts || newest == 0)
            return null;
        foreach (string stop in _stops)
            if (all.IndexOf(stop, Math.Max(0, all.Length - newest - stop.Length + 1), StringComparison.Ordinal) is >= 0 and var at)
                return (all[_shownTail.Length..Math.Max(_shownTail.Length, _isShown ? at + stop.Length : at)], stop);
        return null;
    }

    private string Tail(string shown) => shown[Math.Max(0, shown.Length - _longest)..];

    /// <summary>Text between the quotes of a JSON string.</summary>
    public static string Unescape(ReadOnlySpan<byte> text)
    {
        if (text.IndexOf((byte)'\\') < 0)
            return Encoding.UTF8.GetString(text);
        var json = new Utf8JsonReader((byte[])[(byte)'"', .. text, (byte)'"']);
        json.Read();
        return json.GetString()!;
    }
}
