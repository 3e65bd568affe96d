using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Workloads;

/// <summary>Which turns of one session have ended, and when.</summary>
internal sealed class SessionProgress(int turns)
{
    private readonly TimeSpan[] _started = new TimeSpan[turns];
    private readonly TimeSpan?[] _ended = new TimeSpan?[turns];
    private readonly bool[] _givenUp = new bool[turns];
    private int _settled;

    public bool AllEnded => _settled == _ended.Length;

    public void Ended(int turn, TimeSpan started, TimeSpan at)
    {
        (_started[turn], _ended[turn]) = (started, at);
        _settled++;
    }

    /// <summary>When a turn of that release is due; null while something it follows has not ended.</summary>
    public TimeSpan? Due(Release release, double speed)
    {
        var (lastStart, lastEnd) = (TimeSpan.Zero, TimeSpan.Zero);
        foreach (var before in release.After)
        {
            if (_ended[before] is not { } ended) return null;
            if (ended > lastEnd) lastEnd = ended;
            if (_started[before] > lastStart) lastStart = _started[before];
        }
        var afterEnd = lastEnd + release.ThinkTime / speed;
        var afterStart = lastStart + release.SinceStart / speed;
        return afterEnd > afterStart ? afterEnd : afterStart;
    }

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
