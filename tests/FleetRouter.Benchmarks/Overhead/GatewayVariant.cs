namespace FleetRouter.Benchmarks.Overhead;

/// <summary>A gateway to measure: its name, the environment it gets, and the build it is.</summary>
internal sealed record GatewayVariant(string Name, IReadOnlyDictionary<string, string> Environment, string Program)
{
    private const string ProgramKey = "DLL";

    /// <summary>The gateway built beside this program, as it is.</summary>
    public static GatewayVariant Built { get; } = new(Target.Gateway, new Dictionary<string, string>(), Path.GetFullPath(
        Path.Combine(AppContext.BaseDirectory, "..", "..", "FleetRouter.Gateway", "release", "FleetRouter.Gateway.dll")));

    /// <summary>The same with answers only watched, not kept to go on with elsewhere.</summary>
    public static GatewayVariant WithoutResume { get; } = Built with { Name = Target.GatewayWithoutResume, Resumes = false };

    /// <summary>Whether its pool has answers go on with another engine.</summary>
    public bool Resumes { get; init; } = true;

    /// <summary>Reads <c>NAME:KEY=VALUE,KEY=VALUE</c>; the key DLL names another build.</summary>
    /// <exception cref="OverheadException">It is not of that form.</exception>
    public static GatewayVariant Parse(string text)
    {
        var environment = new Dictionary<string, string>();
        int colon = text.IndexOf(':');
        foreach (string pair in colon < 1 ? [] : text[(colon + 1)..].Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = pair.IndexOf('=');
            if (equals < 1)
                throw Malformed(text);
            environment[pair[..equals]] = pair[(equals + 1)..];
        }
        if (environment.Count == 0)
            throw Malformed(text);
        return new GatewayVariant(text[..colon], environment, environment.Remove(ProgramKey, out string? other) ? other : Built.Program);
    }

    private static OverheadException Malformed(string text) => new($"--variant {text}: give NAME:KEY=VALUE[,KEY=VALUE]");
}
