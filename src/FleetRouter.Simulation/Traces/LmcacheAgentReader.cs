namespace FleetRouter.Simulation.Traces;

/// <summary>
/// LMCache agent calls: real text. The calls of a session follow one another in the order of their timestamps (the file's
/// order within a session is not the calls' order). The trace records one instant a call and no durations: a call starts
/// when the one before has ended, and not sooner after that one's start than recorded.
/// </summary>
internal static class LmcacheAgentReader
{
    public const string Empty = "calls with an empty prompt";

    private sealed record Call(string Session, double Microseconds, string Input, int OutputTokens);

    public static IEnumerable<TraceSession> Read(IEnumerable<TraceLine> lines, TraceReading reading, Action<string> skip)
    {
        var calls = new List<Call>();
        foreach (var line in lines)
        {
            using var document = line.ParseObject();
            var row = document.RootElement;
            var call = new Call(line.String(row, "session"), line.Real(row, "timestamp"),
                line.String(row, "input"), Math.Max(1, LiteralText.TokensOf(line.String(row, "output"))));
            if (call.Input.Length == 0) skip(Empty);
            else calls.Add(call);
        }
        if (calls.Count == 0) yield break;

        var origin = calls.Min(call => call.Microseconds);
        foreach (var session in calls.GroupBy(call => call.Session))
        {
            // OrderBy is stable: calls of one instant keep the file's order.
            Call[] ordered = [.. session.OrderBy(call => call.Microseconds)];
            yield return new TraceSession(
                TimeSpan.FromMicroseconds(ordered[0].Microseconds - origin),
                [.. ordered.Select((call, i) => new TraceRequest(
                    i == 0 ? Release.AtSessionStart
                        : new Release([i - 1], TimeSpan.Zero, reading.Think((call.Microseconds - ordered[i - 1].Microseconds) / 1e6)),
                    [new PromptMessage("user", new LiteralText(call.Input))], call.OutputTokens, call.Session))]);
        }
    }
}
