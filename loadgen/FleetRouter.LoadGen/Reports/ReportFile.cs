namespace FleetRouter.LoadGen.Reports;

/// <summary>A file that a run's end will write: tried before the run, so that no result is lost to a wrong path.</summary>
internal static class ReportFile
{
    /// <exception cref="UsageException">The file cannot be written.</exception>
    public static void Try(string? path)
    {
        if (path is not null) Guarded(path, () => File.AppendAllText(path, ""));
    }

    /// <exception cref="UsageException">The file cannot be written.</exception>
    public static void Write(string? path, Func<string> text)
    {
        if (path is not null) Guarded(path, () => File.WriteAllText(path, text()));
    }

    private static void Guarded(string path, Action write)
    {
        try { write(); }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UsageException($"cannot write {path}: {wrong.Message}");
        }
    }
}
