using System.Text.Json;
using FleetRouter.Hosting.Journal;

namespace FleetRouter.Storage.Journal;

/// <summary>The lines of a journal's file.</summary>
internal static class JournalLines
{
    /// <summary>A file's first line. Where lines before are gone it says how many, so that nobody takes what is left for a pool's whole life.</summary>
    /// <param name="header">The header as the run began.</param>
    /// <param name="linesBefore">Lines that are gone.</param>
    public static byte[] Header(byte[] header, long linesBefore)
    {
        JournalHeader began = JsonSerializer.Deserialize<JournalHeader>(header, JournalJson.Options)!;
        JournalHeader left = linesBefore == 0 ? began : began with { Part = 1, LinesBefore = linesBefore };
        return [.. JsonSerializer.SerializeToUtf8Bytes(new JournalLine(left, null, null, null), JournalJson.Options), (byte)'\n'];
    }
}
