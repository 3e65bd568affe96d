using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Traces;

/// <summary>
/// BurstGPT (KDD '25). Rows with 0 response tokens are failures and left out. Rows with the same Session ID are one
/// conversation: a follow-up starts after the recorded pause and, where its request is long enough, repeats the
/// conversation so far with the engine's own answer; a shorter one starts its conversation over.
/// </summary>
internal static class BurstGptReader
{
    public const string Failed = "recorded failures (0 response tokens)";

    private sealed record Row(long Line, double At, double? Elapsed, int RequestTokens, int ResponseTokens);

    public static IEnumerable<TraceSession> Read(IEnumerable<TraceLine> lines, TraceReading reading, Action<string> skip)
    {
        CsvColumns? columns = null;
        var sessions = new List<(string? Name, List<Row> Rows)>();
        var byName = new Dictionary<string, List<Row>>(StringComparer.Ordinal);
        foreach (var line in lines)
        {
            if (columns is null)
            {
                columns = new CsvColumns(line, "Timestamp", "Session ID?", "Elapsed time?", "Model?", "Request tokens", "Response tokens", "Total tokens?", "Log Type?");
                continue;
            }
            var cells = columns.Cells(line);
            var row = new Row(line.Number, line.Seconds(cells[0]!, "Timestamp"),
                string.IsNullOrEmpty(cells[2]) ? null : line.Seconds(cells[2]!, "Elapsed time"),
                Math.Max(1, line.Count(cells[4]!, "Request tokens")), line.Count(cells[5]!, "Response tokens"));
            var name = string.IsNullOrEmpty(cells[1]) ? null : cells[1];
            if (row.ResponseTokens == 0)
                skip(Failed);
            else if (name is not null && byName.TryGetValue(name, out var rows))
                rows.Add(row);
            else
            {
                sessions.Add((name, [row]));
                if (name is not null) byName[name] = sessions[^1].Rows;
            }
        }

        var origin = sessions.Count == 0 ? 0 : sessions.Min(session => session.Rows.Min(row => row.At));
        foreach (var (name, rows) in sessions) yield return Session(name, [.. rows.OrderBy(row => row.At)], origin, reading);
    }

    private static TraceSession Session(string? name, Row[] rows, double origin, TraceReading reading)
    {
        var conversation = new ConversationHistory(SplitMix64.Key(name is null ? $"burstgpt row {rows[0].Line}" : $"burstgpt session {name}"));
        var turns = new List<TraceRequest>();
        for (var i = 0; i < rows.Length; i++)
        {
            var added = rows[i].RequestTokens - conversation.Tokens;
            if (added < 1)
            {
                conversation.StartOver();
                added = rows[i].RequestTokens;
            }
            conversation.User(added);
            turns.Add(new TraceRequest(ReleaseOf(rows, i, reading), conversation.Messages(), rows[i].ResponseTokens, name));
            conversation.Answer(i, rows[i].ResponseTokens);
        }
        return new TraceSession(TimeSpan.FromSeconds(rows[0].At - origin), turns);
    }

    private static Release ReleaseOf(Row[] rows, int i, TraceReading reading)
    {
        if (i == 0) return Release.AtSessionStart;
        var gap = rows[i].At - rows[i - 1].At;
        return rows[i - 1].Elapsed is { } elapsed
            ? new Release([i - 1], reading.Think(gap - elapsed))
            : new Release([i - 1], TimeSpan.Zero, reading.Think(gap));
    }
}
