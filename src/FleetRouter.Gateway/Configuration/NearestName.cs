namespace FleetRouter.Gateway.Configuration;

/// <summary>Finds the name a user meant.</summary>
internal static class NearestName
{
    /// <summary>The known name closest to <paramref name="written"/>, or null if none is close. Case, dashes and underscores
    /// count for nothing: <c>api_keys</c> means <c>apiKeys</c>.</summary>
    public static string? Find(string written, IEnumerable<string> known)
    {
        if (written.Length > 64) return null;
        string plain = Plain(written);
        var (name, distance) = known
            .Select(name => (Name: name, Distance: Distance(plain, Plain(name))))
            .OrderBy(pair => pair.Distance).ThenBy(pair => pair.Name, StringComparer.Ordinal)
            .FirstOrDefault();
        return name is not null && distance <= Math.Max(1, Math.Min(plain.Length, name.Length) / 3) ? name : null;
    }

    private static string Plain(string name) => name.Replace("_", "").Replace("-", "").ToLowerInvariant();

    // Levenshtein: letters inserted, left out or replaced.
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
