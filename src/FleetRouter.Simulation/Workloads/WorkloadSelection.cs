using FleetRouter.Simulation.Text;
using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Workloads;

/// <summary>A number of requests of a trace, as a fleet of engines can serve them.</summary>
/// <param name="Sessions">The sessions, in order of their starts.</param>
/// <param name="Requests">Their requests.</param>
/// <param name="Copies">Sessions among them that are copies, because the trace has fewer requests.</param>
/// <param name="Shortened">Sessions ended before a turn longer than the engines' longest context, those left out whole among them.</param>
public sealed record WorkloadSelection(IReadOnlyList<TraceSession> Sessions, int Requests, int Copies, int Shortened)
{
    /// <summary>Longer think times are cut to this, in all traces: a session must end within a run.</summary>
    public static readonly TimeSpan LongestThinkTime = TimeSpan.FromSeconds(120);

    private static readonly int HeaderTokens = HeaderOf("user"), EndTokens = ChatPrompt.End.Length, AnswerHeaderTokens = HeaderOf("assistant");

    /// <summary>Takes whole sessions in the trace's order until there are <paramref name="requests"/>; the last one is cut. Where the trace
    /// ends first, copies of its sessions follow, over repetitions of its span.</summary>
    /// <param name="trace">The trace's sessions.</param>
    /// <param name="requests">Requests wanted, 1 or more.</param>
    /// <param name="maxModelLength">Longest context of the engines, tokens.</param>
    /// <exception cref="TraceReadException">While reading: a line is malformed. Or no request is short enough.</exception>
    public static WorkloadSelection Of(IEnumerable<TraceSession> trace, int requests, int maxModelLength)
    {
        var taken = new List<TraceSession>();
        int count = 0, shortened = 0;
        foreach (TraceSession session in trace)
        {
            int fits = Fitting(session, maxModelLength);
            shortened += fits < session.Turns.Count ? 1 : 0;
            fits = Math.Min(fits, requests - count);
            if (fits > 0)
                taken.Add(fits == session.Turns.Count ? session : TraceSelection.Cut(session, 0, fits));
            count += fits;
            if (count == requests)
                break;
        }
        if (count == 0)
            throw new TraceReadException($"no request of the trace fits into a context of {maxModelLength} tokens");
        taken = [.. taken.OrderBy(session => session.Start)];
        int originals = taken.Count;
        if (count < requests)
            AddCopies(taken, requests - count);
        return new WorkloadSelection(taken, requests, taken.Count - originals, shortened);
    }

    private static void AddCopies(List<TraceSession> sessions, int missing)
    {
        int originals = sessions.Count;
        var copies = new SessionCopies([.. sessions]);
        TimeSpan first = sessions[0].Start, last = sessions[originals - 1].Start;
        // The gap from the last session to the first of the next repetition is a mean one.
        TimeSpan span = originals == 1 ? TimeSpan.FromSeconds(1) : (last - first) * ((double)originals / (originals - 1));
        for (int i = 0; missing > 0; i++)
        {
            int repetition = 1 + i / originals, index = i % originals;
            TraceSession copy = copies.Copy(index, repetition, sessions[index].Start + span * repetition);
            sessions.Add(copy.Turns.Count <= missing ? copy : TraceSelection.Cut(copy, 0, missing));
            missing -= Math.Min(missing, copy.Turns.Count);
        }
    }

    private static int Fitting(TraceSession session, int maxModelLength)
    {
        int fits = 0;
        while (fits < session.Turns.Count && RenderedTokens(session.Turns[fits]) + session.Turns[fits].OutputTokens <= maxModelLength)
            fits++;
        return fits;
    }

    private static long RenderedTokens(TraceRequest request) =>
        request.PromptTokens + (long)request.Prompt.Count * (HeaderTokens + 1 + EndTokens) + AnswerHeaderTokens;

    private static int HeaderOf(string role) => SyntheticTokenizer.Count($"<|{role}|>\n");
}
