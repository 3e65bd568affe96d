namespace FleetRouter.LoadGen.Chaos;

/// <summary>How a text departs from the one expected, in tokens of four characters; a part of a token counts as one.</summary>
/// <param name="Lost">Tokens that are missing.</param>
/// <param name="Duplicated">Tokens that come a second time.</param>
/// <param name="Wrong">Tokens that stand nowhere in the expected text.</param>
/// <param name="At">Character at which the texts part; -1 where they do not.</param>
internal readonly record struct TextDifference(int Lost, int Duplicated, int Wrong, int At)
{
    private const int Token = 4;

    public static readonly TextDifference None = new(0, 0, 0, -1);

    /// <summary>Compares texts of which nearly every token is unlike all others.</summary>
    /// <param name="expected">What should have come.</param>
    /// <param name="got">What came.</param>
    /// <param name="whole">Whether all of it should have come; otherwise a beginning is enough.</param>
    public static TextDifference Of(string expected, string got, bool whole)
    {
        int i = expected.AsSpan().CommonPrefixLength(got), j = i, lost = 0, duplicated = 0, wrong = 0;
        var at = i == got.Length && (i == expected.Length || !whole) ? -1 : i;
        if (at < 0) return None;
        while (j < got.Length)
        {
            var same = expected.AsSpan(i).CommonPrefixLength(got.AsSpan(j));
            (i, j) = (i + same, j + same);
            if (j == got.Length) break;
            var next = got.Substring(j, Math.Min(Token, got.Length - j));
            if (next.Length == Token && expected.IndexOf(next, i, StringComparison.Ordinal) is >= 0 and var ahead)
            {
                lost += ahead - i;
                i = ahead;
            }
            else if (next.Length == Token && expected[..i].LastIndexOf(next, StringComparison.Ordinal) is >= 0 and var behind)
            {
                var again = expected.AsSpan(behind, i - behind).CommonPrefixLength(got.AsSpan(j));
                duplicated += again;
                j += again;
            }
            else
            {
                wrong++;
                j++;
                if (i < expected.Length) i++;
            }
        }
        if (whole) lost += expected.Length - i;
        return new TextDifference(Tokens(lost), Tokens(duplicated), Tokens(wrong), at);
    }

    private static int Tokens(int characters) => (characters + Token - 1) / Token;
}
