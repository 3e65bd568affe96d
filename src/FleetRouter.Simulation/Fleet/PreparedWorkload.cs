using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Fleet;

/// <summary>Sessions whose prompts are hashed already. Immutable, so that runs on several threads may share it.</summary>
public sealed class PreparedWorkload
{
    /// <summary>The model every simulated engine serves and every request asks for.</summary>
    public const string Model = "sim";

    /// <summary>The same, of which the router is told otherwise.</summary>
    public PreparedWorkload With(Func<PreparedRequest, Domain.Placement.PlacementRequest> forRouter) =>
        new(Sessions, [.. Requests.Select(turns => turns.Select(request => request.As(forRouter(request))).ToArray())]);

    private PreparedWorkload(IReadOnlyList<TraceSession> sessions, PreparedRequest[][] requests)
    {
        (Sessions, Requests) = (sessions, requests);
        All = [.. requests.SelectMany(turns => turns)];
    }

    /// <summary>The sessions.</summary>
    public IReadOnlyList<TraceSession> Sessions { get; }

    /// <summary>Their requests, by session and turn.</summary>
    public IReadOnlyList<PreparedRequest[]> Requests { get; }

    /// <summary>All requests, in order of their index.</summary>
    public IReadOnlyList<PreparedRequest> All { get; }

    /// <summary>Hashes every prompt.</summary>
    /// <param name="sessions">The workload.</param>
    /// <param name="seed">Seed of the synthetic text.</param>
    /// <param name="boundsAnswers">Whether clients bound each answer by its very length, as the replayer does with max_tokens.</param>
    public static PreparedWorkload Of(IReadOnlyList<TraceSession> sessions, ulong seed, bool boundsAnswers = false)
    {
        var first = new int[sessions.Count];
        for (int i = 1; i < first.Length; i++)
            first[i] = first[i - 1] + sessions[i - 1].Turns.Count;
        var requests = new PreparedRequest[sessions.Count][];
        Parallel.For(0, sessions.Count, () => new RequestPreparation(seed, boundsAnswers),
            (i, _, preparation) =>
            {
                requests[i] = preparation.Prepare(i, sessions[i], first[i]);
                return preparation;
            },
            _ => { });
        var workload = new PreparedWorkload(sessions, requests);
        workload.MarkReuse();
        return workload;
    }

    /// <summary>When each request would be due if answers took no time, in order of those times.</summary>
    /// <param name="pace">Session starts are divided by it, pauses are not.</param>
    public IEnumerable<(TimeSpan At, PreparedRequest Request)> NominalArrivals(double pace = 1)
    {
        var schedule = new RequestSchedule(StartsAt(pace));
        while (schedule.NextDue is { } at)
        {
            while (schedule.TryTake(at, out DueRequest due))
            {
                yield return (at, Requests[due.Session][due.Turn]);
                schedule.Ended(due, at, at);
            }
        }
    }

    /// <summary>The sessions with their starts divided by <paramref name="pace"/>.</summary>
    public IReadOnlyList<TraceSession> StartsAt(double pace) =>
        pace == 1 ? Sessions : [.. Sessions.Select(session => session with { Start = session.Start / pace })];

    private void MarkReuse()
    {
        var seen = new HashSet<ulong>();
        foreach ((_, PreparedRequest request) in NominalArrivals())
        {
            ulong[] blocks = request.ForEngine.PromptBlocks;
            int known = 0;
            while (known < blocks.Length && seen.Contains(blocks[known]))
                known++;
            for (int i = known; i < blocks.Length; i++)
                seen.Add(blocks[i]);
            request.ReusableTokens = known * Text.BlockHash.BlockSize;
        }
    }
}
