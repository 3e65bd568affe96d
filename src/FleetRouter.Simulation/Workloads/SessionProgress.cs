using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Workloads;

/// <summary>Which turns of one session have ended, and when.</summary>
internal sealed class SessionProgress(int turns)
{
    private readonly TimeSpan[] _started = new TimeSpan[turns];
    private readonly TimeSpan[] _quietUntil = new TimeSpan[turns];
    private readonly TimeSpan?[] _ended = new TimeSpan?[turns];
    private readonly bool[] _givenUp = new bool[turns];
    private int _settled;

    public bool AllEnded => _settled == _ended.Length;

    /// <param name="turn">The turn.</param>
    /// <param name="started">When it was started.</param>
    /// <param name="at">When it ended.</param>
    /// <param name="quietUntil">Nothing that follows it is due before then.</param>
    public void Ended(int turn, TimeSpan started, TimeSpan at, TimeSpan quietUntil)
    {
        (_started[turn], _ended[turn], _quietUntil[turn]) = (started, at, quietUntil);
        _settled++;
    }

    /// <summary>When a turn of that release is due; null while something it follows has not ended.</summary>
    public TimeSpan? Due(Release release, double speed)
    {
        var (lastStart, lastEnd, quietUntil) = (TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero);
        foreach (var before in release.After)
        {
            if (_ended[before] is not { } ended) return null;
            lastEnd = Latest(ended, lastEnd);
            lastStart = Latest(_started[before], lastStart);
            quietUntil = Latest(_quietUntil[before], quietUntil);
        }
        var afterEnd = lastEnd + release.ThinkTime / speed;
        var afterStart = lastStart + release.SinceStart / speed;
        return Latest(Latest(afterEnd, afterStart), quietUntil);
    }

    private static TimeSpan Latest(TimeSpan one, TimeSpan other) => one > other ? one : other;

    /// <summary>Gives up a turn and all that follows it; returns how many, the turn itself included.</summary>
    public int GiveUp(IReadOnlyList<TraceRequest> requests, int turn)
    {
        _givenUp[turn] = true;
        var count = 1;
        for (var later = turn + 1; later < _givenUp.Length; later++)
        {
            if (_givenUp[later] || !requests[later].Release.After.Any(before => _givenUp[before])) continue;
            _givenUp[later] = true;
            count++;
        }
        _settled += count;
        return count;
    }
}
