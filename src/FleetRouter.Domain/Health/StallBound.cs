namespace FleetRouter.Domain.Health;

/// <summary>How long an instance may be silent in the middle of an answer, learned from its own longest silences and, until these tell enough, from those of
/// all instances of its pool.</summary>
/// <param name="peers">The pool's bound; null for that one itself.</param>
internal sealed class StallBound(StallBound? peers = null)
{
    /// <summary>Range of the bound. Below, a hiccup of the network (three segments lost in a row cost TCP 1.4 s) or of the engine's process would be
    /// taken for a stall; above, nobody waits.</summary>
    public static readonly TimeSpan Least = TimeSpan.FromSeconds(2), Most = TimeSpan.FromSeconds(30);

    /// <summary>The bound while too little is known of any instance.</summary>
    public static readonly TimeSpan AtFirst = TimeSpan.FromSeconds(10);

    /// <summary>Times the longest silence seen: a step that computes a long prompt, or a preemption, holds up every answer of the batch, and
    /// the next may be longer than any so far. A stall taken for honest costs seconds, an honest gap taken for a stall costs a prefill.</summary>
    private const double Times = 4;

    /// <summary>Reports that tell enough: some thousand tokens.</summary>
    private const int LeastReports = 16;

    /// <summary>Silences so long ago count half.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(2);

    private FadingSum _longest = new(Memory);
    private int _reports;

    /// <summary>The longest gap between two tokens of an answer since its last report.</summary>
    public void Saw(TimeSpan gap, TimeSpan now)
    {
        if (gap <= TimeSpan.Zero)
            return;
        Learn(gap, now);
        peers?.Learn(gap, now);
    }

    private void Learn(TimeSpan gap, TimeSpan now)
    {
        _reports++;
        if (_longest.At(now) is var before && gap.TotalSeconds > before)
            _longest.Add(gap.TotalSeconds - before, now);
    }

    /// <summary>An answer was given up for a silence that long, which may have been honest: the next here may be silent twice as long.</summary>
    public void GaveUp(TimeSpan now) => Learn(At(now) * (2 / Times), now);

    /// <summary>Silence after which an answer counts as stalled.</summary>
    public TimeSpan At(TimeSpan now)
    {
        var bound = TimeSpan.FromSeconds(Math.Min(Times * _longest.At(now), Most.TotalSeconds));
        TimeSpan least = _reports >= LeastReports ? Least : peers?.At(now) ?? AtFirst;
        return bound > least ? bound : least;
    }
}
