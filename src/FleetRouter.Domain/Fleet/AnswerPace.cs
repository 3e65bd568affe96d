using FleetRouter.Domain.Health;

namespace FleetRouter.Domain.Fleet;

/// <summary>How fast prompts may be given to an instance so that the answers in its batch keep their pace: every prompt computed
/// delays every token made meanwhile.</summary>
/// <remarks>A leaky bucket over seconds of prefill, whose rate is a feedback on what was seen: in balance an eighth of the measured
/// stretches of answers are slower than the SLO. Where answers are fast whatever comes, it never holds anything up.</remarks>
internal sealed class AnswerPace
{
    /// <summary>Share of the stretches that may be slower than the SLO; the SLO itself is of whole answers.</summary>
    private const double SlowShare = 0.12;

    /// <summary>How far one slow stretch lowers the rate; a fast one raises it by what keeps the balance.</summary>
    private const double Step = 0.04;

    /// <summary>Seconds of prefill a second: least, so that an instance is never starved, and most, which holds nothing up.</summary>
    private const double Least = 0.5, Most = 2;

    /// <summary>Seconds of prefill that may come at once: a long prompt's, so that another need not wait for it and for the answers to recover too.</summary>
    private const double Burst = 3;

    /// <summary>Half-life of what prompts took: a few of them, and over before an answer is.</summary>
    private static readonly TimeSpan OfLate = TimeSpan.FromSeconds(4);

    /// <summary>Before all burst there may be: a router's clock begins at zero.</summary>
    private static readonly TimeSpan LongAgo = -TimeSpan.FromSeconds(Burst);

    /// <summary>Share of its prefill by which a prompt slows each answer beside it, and by how much more where prompts take all the time already.</summary>
    private const double SlowedShare = 0.2, BusySlowedShare = 1.5;

    private double _rate = 1;
    private FadingSum _spent = new(OfLate);

    /// <summary>From when on another prompt is in keeping with the pace.</summary>
    public TimeSpan FreeAt { get; private set; } = LongAgo;

    /// <summary>Share of its time the instance is kept busy with prompts of late; above 1 for a moment after a long one.</summary>
    public double PrefillShare(TimeSpan now) => _spent.At(now) * Math.Log(2) / OfLate.TotalSeconds;

    /// <summary>Seconds by which each answer here is slowed if a prompt is computed that takes so many. The more of them the instance computes the slower its
    /// answers, so one that happens to have few would otherwise draw every long prompt, until all it has are slow.</summary>
    public double SlowedBy(double prefill, TimeSpan now) => (SlowedShare + BusySlowedShare * PrefillShare(now)) * prefill;

    /// <summary>A stretch of an answer came at this mean time between tokens, seconds.</summary>
    public void Saw(double interToken, double slo) =>
        _rate = Math.Clamp(_rate * (interToken > slo ? 1 - Step : 1 + Step * SlowShare / (1 - SlowShare)), Least, Most);

    /// <summary>The instance has nothing left: what was spent delays nobody any more.</summary>
    public void Rest() => FreeAt = LongAgo;

    /// <summary>A prompt was given that takes so many seconds.</summary>
    public void Spend(double seconds, TimeSpan now)
    {
        _spent.Add(seconds, now);
        TimeSpan from = now - TimeSpan.FromSeconds(Burst);
        FreeAt = (FreeAt > from ? FreeAt : from) + TimeSpan.FromSeconds(seconds / _rate);
    }
}
