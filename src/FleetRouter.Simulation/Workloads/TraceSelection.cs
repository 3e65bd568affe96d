using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Workloads;

/// <summary>Takes a number of requests from a place on, in the order of the trace, and keeps their causality.</summary>
public static class TraceSelection
{
    /// <summary>The requests after the first <paramref name="skip"/>, at most <paramref name="limit"/> of them.</summary>
    public static IEnumerable<TraceSession> Select(IEnumerable<TraceSession> sessions, int skip, int limit)
    {
        foreach (var session in sessions)
        {
            var from = Math.Min(skip, session.Turns.Count);
            var count = Math.Min(limit, session.Turns.Count - from);
            skip -= from;
            limit -= count;
            if (count == session.Turns.Count) yield return session;
            else if (count > 0) yield return Cut(session, from, count);
            // Before the next is read: what lies behind the limit need not even be well-formed.
            if (limit == 0) yield break;
        }
    }

    /// <summary>Some consecutive turns of a session. What a kept turn follows is taken as done if it was cut off in front.</summary>
    /// <param name="session">The session.</param>
    /// <param name="from">Index of the first turn to keep.</param>
    /// <param name="count">How many to keep, 1 or more.</param>
    public static TraceSession Cut(TraceSession session, int from, int count) => session with
    {
        Turns = [.. session.Turns.Skip(from).Take(count).Select(turn =>
        {
            int[] after = [.. turn.Release.After.Where(before => before >= from).Select(before => before - from)];
            var release = after.Length > 0 || turn.Release.After.Count == 0 ? turn.Release with { After = after } : Release.AtSessionStart;
            return turn with { Release = release, Prompt = [.. turn.Prompt.Select(message => Shift(message, from))] };
        })],
    };

    // An answer that was cut off is replaced by a text of its length.
    private static PromptMessage Shift(PromptMessage message, int from) => message.Text switch
    {
        AnswerText answer when answer.Turn >= from => message with { Text = answer with { Turn = answer.Turn - from } },
        AnswerText answer => message with { Text = new BlockText(answer.OutputTokens, [new BlockRun(0, answer.Turn, 1)], answer.OutputTokens) },
        _ => message,
    };
}
