namespace FleetRouter.Gateway.Configuration;

/// <summary>One mistake in a configuration file, in one line: where, what, and what to do.</summary>
/// <param name="File">The file as named by the user.</param>
/// <param name="Line">From 1; 0 where the trouble is with the file itself.</param>
/// <param name="Column">From 1; 0 where the trouble is with the file itself.</param>
/// <param name="Path">The option, as in <c>pools[0].hold.time</c>; empty for the whole file.</param>
/// <param name="What">What is wrong.</param>
/// <param name="Remedy">What to do.</param>
internal sealed record ConfigurationProblem(string File, long Line, long Column, string Path, string What, string Remedy)
{
    public override string ToString()
    {
        string place = Line > 0 ? $"{File}:{Line}:{Column}: " : $"{File}: ";
        return $"{place}{(Path.Length > 0 ? Path + ": " : "")}{What}; {Remedy}";
    }
}

/// <summary>What reading a configuration file gave: options, or every problem found.</summary>
/// <param name="Options">Null if there is any problem.</param>
/// <param name="Problems">In file order.</param>
/// <param name="ContentHash">SHA-256 of the bytes read, hexadecimal; empty if the file could not be read.</param>
internal sealed record ConfigurationReading(GatewayOptions? Options, IReadOnlyList<ConfigurationProblem> Problems, string ContentHash);
