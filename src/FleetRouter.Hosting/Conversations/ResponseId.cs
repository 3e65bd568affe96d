using System.Security.Cryptography;

namespace FleetRouter.Hosting.Conversations;

/// <summary>Ids of answers as the router makes them: <c>resp_</c>, 24 hexadecimal digits that name the conversation, and 24 that name the turn. Turns that
/// go on from one another carry the same conversation, so who has an id knows whom to ask for its history.</summary>
public static class ResponseId
{
    private const string Prefix = "resp_";

    /// <summary>Digits of either half: 96 bits.</summary>
    private const int Half = 24;

    /// <summary>An id unlike any other, and not to be guessed.</summary>
    /// <param name="previous">The turn it goes on from; null for a first one, which begins a conversation.</param>
    public static string New(string? previous)
    {
        string? conversation = previous is null ? null : ConversationOf(previous);
        return Prefix + (conversation ?? Digits()) + Digits();
    }

    /// <summary>The conversation that an id names; null for one that is not as the router makes them.</summary>
    public static string? ConversationOf(string id)
    {
        if (id.Length != Prefix.Length + 2 * Half || !id.StartsWith(Prefix, StringComparison.Ordinal))
            return null;
        foreach (char c in id.AsSpan(Prefix.Length))
            if (!char.IsAsciiHexDigitLower(c))
                return null;
        return id.Substring(Prefix.Length, Half);
    }

    private static string Digits() => RandomNumberGenerator.GetHexString(Half, lowercase: true);
}
