using FleetRouter.Domain.Fleet;

namespace FleetRouter.Hosting.Journal;

/// <summary>The first line of a journal file: what a pool like the one journaled is made of.</summary>
/// <param name="Version">Version of the format, <see cref="Current"/>.</param>
/// <param name="Run">A name of the pool's life from its start to its end, no two alike.</param>
/// <param name="Part">Which file of the run this is: 0 for the first, which alone begins with an empty pool.</param>
/// <param name="LinesBefore">Lines of the run in the files before, their headers not counted.</param>
/// <param name="Epoch">Date and time at which the events' clock showed zero.</param>
/// <param name="Options">What the pool was told at its start.</param>
public sealed record JournalHeader(int Version, string Run, int Part, long LinesBefore, DateTimeOffset Epoch, PoolOptions Options)
{
    /// <summary>The version written and read.</summary>
    public const int Current = 1;
}

/// <summary>One line of a journal file: its header, an event with what was decided upon it, or a gap.</summary>
/// <param name="Header">The header; null on every line but the first.</param>
/// <param name="Lost">Events that are missing here because they came faster than they could be written; 0 elsewhere.</param>
/// <param name="Event">What happened; null for a header or a gap.</param>
/// <param name="Decisions">What the pool decided upon it, in order; null if nothing.</param>
public sealed record JournalLine(JournalHeader? Header, long? Lost, PoolEvent? Event, IReadOnlyList<PoolEffect>? Decisions);

/// <summary>A journal that cannot be read or written; the message says in one line which, where and what to do.</summary>
public sealed class JournalException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>Where a pool's journal lies in the journals' folder.</summary>
public static class JournalFiles
{
    private const string CurrentEnd = ".journal.jsonl", PreviousEnd = ".journal-1.jsonl";

    /// <summary>The file being written.</summary>
    public static string Current(string folder, string pool) => Path.Combine(folder, pool + CurrentEnd);

    /// <summary>The file before it.</summary>
    public static string Previous(string folder, string pool) => Path.Combine(folder, pool + PreviousEnd);

    /// <summary>Empty; who holds it open writes the journal.</summary>
    public static string Lock(string folder, string pool) => Path.Combine(folder, pool + ".journal.lock");

    /// <summary>The files at <paramref name="path"/>, a file or a folder, each pool's older file first; a current file brings the one before it.</summary>
    /// <exception cref="JournalException">There is none.</exception>
    public static IReadOnlyList<string> At(string path)
    {
        if (File.Exists(path))
            return path.EndsWith(CurrentEnd, StringComparison.Ordinal) && File.Exists(Before(path)) ? [Before(path), path] : [path];
        if (!Directory.Exists(path))
            throw new JournalException($"{path}: no such file or folder; give the journal's folder (option journal.path) or one of its files");
        string[] files =
        [
            .. Directory.EnumerateFiles(path).Where(f => f.EndsWith(CurrentEnd, StringComparison.Ordinal) || f.EndsWith(PreviousEnd, StringComparison.Ordinal))
                .OrderBy(f => f.EndsWith(CurrentEnd, StringComparison.Ordinal) ? f[..^CurrentEnd.Length] : f[..^PreviousEnd.Length], StringComparer.Ordinal)
                .ThenBy(f => f.EndsWith(CurrentEnd, StringComparison.Ordinal)),
        ];
        return files.Length > 0 ? files : throw new JournalException($"{path}: no journal in this folder; its files are called POOL{CurrentEnd}");
    }

    private static string Before(string current) => current[..^CurrentEnd.Length] + PreviousEnd;
}
