namespace FleetRouter.Gateway.Configuration;

/// <summary>Where a secret is found: the configuration never holds one itself.</summary>
/// <param name="Variable">The environment variable that holds it; null where a file does.</param>
/// <param name="File">The file that holds it, as a mounted secret does.</param>
internal sealed record SecretSource(string? Variable, string? File)
{
    /// <summary>The secret; empty where the variable is not set.</summary>
    /// <exception cref="IOException">The file cannot be read; the message says so in one line.</exception>
    public string Read()
    {
        if (Variable is not null)
            return Environment.GetEnvironmentVariable(Variable) ?? "";
        try
        {
            return System.IO.File.ReadAllText(File!);
        }
        catch (Exception trouble) when (trouble is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"the secret's file {File} cannot be read ({trouble.Message.ReplaceLineEndings(" ")}); give one that this user may read", trouble);
        }
    }

    /// <summary>As in the configuration.</summary>
    public override string ToString() => Variable is not null ? "env:" + Variable : "file:" + File;
}
