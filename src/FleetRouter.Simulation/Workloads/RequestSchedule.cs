using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Workloads;

/// <summary>A request whose time has come.</summary>
/// <param name="Session">Index of its session.</param>
/// <param name="Turn">Index of its turn in the session.</param>
/// <param name="Scheduled">When it is due, from the start of the run.</param>
/// <param name="Request">The request.</param>
public readonly record struct DueRequest(int Session, int Turn, TimeSpan Scheduled, TraceRequest Request);

/// <summary>
/// When each request of a workload is due: first turns at their session's start, follow-ups when all they follow has ended
/// and their pause has passed. An open loop: how many are in flight never matters. It knows no clock: a replayer drives it
/// by the wall clock, a simulation by virtual time. Not safe for concurrent use.
/// </summary>
public sealed class RequestSchedule
{
    private readonly IReadOnlyList<TraceSession> _sessions;
    private readonly double _speed;
    private readonly PriorityQueue<(int Session, int Turn), (TimeSpan At, long Sequence)> _due = new();
    private readonly Dictionary<int, SessionProgress> _open = [];
    private long _sequence;

    /// <summary>Schedules the sessions' first turns.</summary>
    /// <param name="sessions">The workload. The earliest start becomes the run's zero.</param>
    /// <param name="speed">Above 0: session starts and pauses are divided by it.</param>
    public RequestSchedule(IReadOnlyList<TraceSession> sessions, double speed = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(speed);
        (_sessions, _speed) = (sessions, speed);
        var origin = sessions.Count == 0 ? TimeSpan.Zero : sessions.Min(session => session.Start);
        for (var i = 0; i < sessions.Count; i++)
        {
            for (var turn = 0; turn < sessions[i].Turns.Count; turn++)
            {
                Remaining++;
                var release = sessions[i].Turns[turn].Release;
                if (release.After.Count == 0) Enqueue(i, turn, (sessions[i].Start - origin + release.ThinkTime) / speed);
            }
        }
    }

    /// <summary>Requests neither ended nor abandoned, those in flight included.</summary>
    public int Remaining { get; private set; }

    /// <summary>When the next request is due; null while everything left waits for the end of another.</summary>
    public TimeSpan? NextDue => _due.TryPeek(out _, out var key) ? key.At : null;

    /// <summary>Takes the next request that is due by <paramref name="now"/>, in order of time, then of scheduling.</summary>
    public bool TryTake(TimeSpan now, out DueRequest due)
    {
        due = default;
        if (!_due.TryPeek(out var next, out var key) || key.At > now) return false;
        _due.Dequeue();
        due = new DueRequest(next.Session, next.Turn, key.At, _sessions[next.Session].Turns[next.Turn]);
        return true;
    }

    /// <summary>A taken request has ended: what follows it may become due.</summary>
    /// <param name="ended">The request.</param>
    /// <param name="started">When it was started, from the start of the run.</param>
    /// <param name="at">When it ended, from the start of the run.</param>
    /// <param name="retryAfter">How long the client was told to wait, if it was refused: what follows is not due before.</param>
    public void Ended(DueRequest ended, TimeSpan started, TimeSpan at, TimeSpan retryAfter = default)
    {
        Remaining--;
        var turns = _sessions[ended.Session].Turns;
        if (turns.Count == 1) return;
        if (!_open.TryGetValue(ended.Session, out var progress))
            _open[ended.Session] = progress = new SessionProgress(turns.Count);
        progress.Ended(ended.Turn, started, at, at + retryAfter);
        for (var turn = ended.Turn + 1; turn < turns.Count; turn++)
        {
            var release = turns[turn].Release;
            if (release.After.Contains(ended.Turn) && progress.Due(release, _speed) is { } due) Enqueue(ended.Session, turn, due);
        }
        if (progress.AllEnded) _open.Remove(ended.Session);
    }

    /// <summary>A taken request has failed: all that follows it, directly or not, will never be due.</summary>
    /// <returns>How many later turns are given up.</returns>
    public int Failed(DueRequest failed)
    {
        Remaining--;
        var turns = _sessions[failed.Session].Turns;
        if (turns.Count == 1) return 0;
        if (!_open.TryGetValue(failed.Session, out var progress))
            _open[failed.Session] = progress = new SessionProgress(turns.Count);
        var abandoned = progress.GiveUp(turns, failed.Turn) - 1;
        Remaining -= abandoned;
        if (progress.AllEnded) _open.Remove(failed.Session);
        return abandoned;
    }

    private void Enqueue(int session, int turn, TimeSpan at) => _due.Enqueue((session, turn), (at, _sequence++));
}
