namespace FleetRouter.Domain.Fleet;

/// <summary>The prompts one instance has still to compute, as seen from outside: how much work they are, how fast it goes, and how busy
/// it keeps the instance. Work is counted as <see cref="PrefillWork"/> counts it.</summary>
internal sealed class PrefillLine(PrefillSpeed speed)
{
    /// <summary>Time over which the busy share is averaged: longer than a prompt, shorter than a conversation.</summary>
    private const double BusySeconds = 60;

    /// <summary>What one more token of answer keeps an instance from computing prompts, seconds: a decode step of 10 ms shared
    /// by a batch of 16 (algorithm notes C5).</summary>
    private const double DecodeSecondsPerToken = 0.0006;

    /// <summary>Uncached tokens below which a first token tells of everything but the speed.</summary>
    private const int LeastTellingTokens = 1_024;

    /// <summary>Work that short prompts have to have together: several end in one step, and of a few it matters which of them ends a step.</summary>
    private const double TellingTogether = 32 * LeastTellingTokens;

    /// <summary>So long after a prompt that told the speed the short ones are not asked.</summary>
    private static readonly TimeSpan Told = TimeSpan.FromMinutes(1);

    /// <summary>What a request spends outside the prefill on its way to a first token, seconds.</summary>
    private const double Overhead = 0.02;

    /// <summary>Seconds by which estimates are wrong in a batch as it should be: decode steps between two prompts, one prompt's share of a step.</summary>
    private const double LeastOverdue = 0.5;

    private double _pending;
    private TimeSpan _since, _busyAt;
    private double _busy;
    private TimeSpan? _toldAt;
    private double _briefWork, _briefSeconds;   // of short prompts since they last told something

    /// <summary>Prompts in line.</summary>
    public int Count { get; private set; }

    /// <summary>Work a second.</summary>
    public double Rate => speed.Rate;

    /// <summary>A prompt joins the line.</summary>
    public void Add(InFlight work, TimeSpan now)
    {
        if (Count++ == 0)
            _since = now;
        _pending += work.PrefillWork;
        _busy = BusyShare(now) + (work.PrefillWork / Rate + DecodeSecondsPerToken * work.ProjectedOutput) / BusySeconds;
        _busyAt = now;
    }

    /// <summary>A prompt leaves the line uncomputed.</summary>
    public void Drop(InFlight work) => _pending = --Count == 0 ? 0 : _pending - work.PrefillWork;

    /// <summary>A prompt's first token came: what lay between it and the one before tells the speed.</summary>
    public void Finish(InFlight work, TimeSpan now)
    {
        double seconds = (now - (_since > work.DispatchedAt ? _since : work.DispatchedAt)).TotalSeconds;
        if (work.UncachedTokens >= LeastTellingTokens)
        {
            speed.Saw(work.PrefillWork, seconds - Overhead);
            _toldAt = now;
        }
        else if (!(now - _toldAt < Told))
            Finish(work.PrefillWork, seconds);
        Drop(work);
        _since = now;
    }

    /// <summary>Short prompts together show what the speed is at least, with all that a first token waits for beside. Where there are no long
    /// ones an instance that is faster than believed would be held back for ever.</summary>
    private void Finish(double work, double seconds)
    {
        (_briefWork, _briefSeconds) = (_briefWork + work, _briefSeconds + seconds);
        if (_briefWork < TellingTogether)
            return;
        if (_briefWork > Rate * _briefSeconds)
            speed.Saw(_briefWork, _briefSeconds);
        (_briefWork, _briefSeconds) = (0, 0);
    }

    /// <summary>Seconds until the line is empty: what is pending, less what has been done of it since the last first token.</summary>
    public double Seconds(TimeSpan now) => Math.Max(0, Left(now));

    /// <summary>Seconds since the whole line should have been computed, where these are too many for the estimate to be blamed: the engine is
    /// slower than it was, has no room for who is next, or does nothing at all. Zero otherwise.</summary>
    public double OverdueSeconds(TimeSpan now) => Left(now) is var left && left < -LeastOverdue ? -left : 0;

    private double Left(TimeSpan now) => Count == 0 ? 0 : _pending / Rate - (now - _since).TotalSeconds;

    /// <summary>Share of its time the instance was kept busy of late, by the work it was given; above 1 while a line grows.</summary>
    public double BusyShare(TimeSpan now) => _busy * Math.Exp(-(now - _busyAt).TotalSeconds / BusySeconds);
}
