using System.Text.Json;
using FleetRouter.Domain.Fleet;

namespace FleetRouter.Hosting.Journal;

/// <summary>One line of a journal, and where it stands.</summary>
/// <param name="File">The file.</param>
/// <param name="Number">The line in it, from 1.</param>
/// <param name="Happened">The event; null for a gap.</param>
/// <param name="Decisions">What the pool decided upon it.</param>
/// <param name="Lost">Events missing here, for a gap.</param>
public sealed record JournalEntry(string File, int Number, PoolEvent? Happened, IReadOnlyList<PoolEffect> Decisions, long Lost);

/// <summary>Reads one run of a pool back from its one or two files.</summary>
public sealed class JournalReader
{
    private readonly List<(string Path, JournalHeader Header)> _files = [];

    private JournalReader(string path, JournalHeader header) => _files.Add((path, header));

    /// <summary>The header of the first file that is left.</summary>
    public JournalHeader Header => _files[0].Header;

    /// <summary>Whether the run's beginning is there, so that it can be replayed.</summary>
    public bool FromTheStart => Header.Part == 0;

    /// <summary>Whether the last line was cut short, as a crash leaves it; known once <see cref="Entries"/> is read.</summary>
    public bool Truncated { get; private set; }

    /// <summary>The runs at <paramref name="path"/>, a journal's file or folder, a pool's older run first.</summary>
    /// <exception cref="JournalException">There is no journal, or a file does not begin as one.</exception>
    public static IReadOnlyList<JournalReader> Open(string path)
    {
        var runs = new List<JournalReader>();
        foreach (string file in JournalFiles.At(path))
        {
            using StreamReader lines = Lines(file);
            JournalHeader? header = lines.ReadLine() is { } first && Parse(file, 1, first, lines) is { } line
                ? line.Header ?? throw new JournalException($"{file}:1: no journal's header; give a file that the gateway wrote")
                : null;
            if (header is null)
                continue;   // a gateway that died at once
            if (header.Version != JournalHeader.Current)
                throw new JournalException($"{file}:1: journal of version {header.Version}; this program reads version {JournalHeader.Current}: read it with the release that wrote it");
            if (runs.LastOrDefault() is { } before && before._files[^1].Header is var last && last.Run == header.Run && last.Part + 1 == header.Part)
                before._files.Add((file, header));
            else
                runs.Add(new JournalReader(file, header));
        }
        return runs;
    }

    /// <summary>Everything after the header, in order.</summary>
    /// <exception cref="JournalException">A line is not what the gateway writes.</exception>
    public IEnumerable<JournalEntry> Entries()
    {
        long lines = Header.LinesBefore;
        foreach ((string file, JournalHeader header) in _files)
        {
            if (header.LinesBefore > lines)
                yield return new JournalEntry(file, 1, null, [], header.LinesBefore - lines);
            using StreamReader text = Lines(file);
            text.ReadLine();
            int number = 1;
            while (text.ReadLine() is { } line)
            {
                number++;
                if (Parse(file, number, line, text) is not { } read)
                {
                    Truncated = true;
                    break;
                }
                lines++;
                if (read.Header is not null || read.Event is null == read.Lost is null)
                    throw new JournalException($"{file}:{number}: neither an event nor a gap; remove the line and all that follow it to read what is before");
                yield return new JournalEntry(file, number, read.Event, read.Decisions ?? [], read.Lost ?? 0);
            }
        }
    }

    /// <summary>The line's content; null if it is the last and cut short.</summary>
    private static JournalLine? Parse(string file, int number, string line, StreamReader text)
    {
        try
        {
            return JsonSerializer.Deserialize<JournalLine>(line, JournalJson.Options) ?? throw new JsonException("nothing");
        }
        catch (Exception trouble) when (trouble is JsonException or NotSupportedException or InvalidOperationException or FormatException)
        {
            if (text.Peek() < 0 && !EndsInNewline(text.BaseStream))
                return null;
            throw new JournalException(
                $"{file}:{number}: not a line of a journal ({trouble.Message.ReplaceLineEndings(" ")}); remove the line and all that follow it to read what is before", trouble);
        }
    }

    private static StreamReader Lines(string file)
    {
        try
        {
            return new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        }
        catch (Exception trouble) when (trouble is IOException or UnauthorizedAccessException)
        {
            throw new JournalException($"{file}: cannot be read ({trouble.Message.ReplaceLineEndings(" ")}); give a journal that this user may read", trouble);
        }
    }

    private static bool EndsInNewline(Stream file)
    {
        file.Seek(-1, SeekOrigin.End);
        return file.ReadByte() == '\n';
    }
}
