using System.Globalization;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Traces;

/// <summary>Azure LLM inference 2023. No sessions and no text: every prompt is a text of its own and shares nothing.</summary>
internal static class AzureReader
{
    private static readonly ulong Rows = SplitMix64.Key("azure");

    public static IEnumerable<TraceSession> Read(IEnumerable<TraceLine> lines)
    {
        CsvColumns? columns = null;
        DateTime? origin = null;
        foreach (var line in lines)
        {
            if (columns is null)
            {
                columns = new CsvColumns(line, "TIMESTAMP", "ContextTokens", "GeneratedTokens");
                continue;
            }
            var cells = columns.Cells(line);
            if (!DateTime.TryParse(cells[0], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at))
                throw line.Wrong($"column 'TIMESTAMP' must be a date and time, not '{TraceLine.Shorten(cells[0]!)}'");
            origin ??= at;
            if (at < origin) throw line.Wrong("column 'TIMESTAMP' lies before the first row's");
            var tokens = Math.Max(1, line.Count(cells[1]!, "ContextTokens"));
            var text = new BlockText(tokens, [new BlockRun(Rows, line.Number, 1)], tokens);
            yield return TraceSession.Lone(at - origin.Value, text, Math.Max(1, line.Count(cells[2]!, "GeneratedTokens")));
        }
    }
}
