namespace FleetRouter.Domain.Fleet;

/// <summary>How fast prompts are computed, learned from first tokens: by a pool, and by each of its instances, which is taken to be as fast
/// as the others until it has shown otherwise. Work is counted as <see cref="PrefillWork"/> counts it.</summary>
internal sealed class PrefillSpeed
{
    /// <summary>What an observation still counts for at the next one, and the seconds of computing that the prior counts for.</summary>
    private const double Keep = 0.98, PriorSeconds = 0.5;

    /// <summary>Seconds of computing that what was learned in an earlier life counts for: the engines are probably the same.</summary>
    private const double RecalledSeconds = 10;

    /// <summary>By how many times what is learned may differ from what the operator has said: first tokens can be strange.</summary>
    private const double MostTimes = 50;

    /// <summary>How many times longer than expected an observation is taken to be at most, and by how many seconds beside, as much as a batch may delay it. A
    /// first token that came later waited for something else, most often for room in the cache; an instance that is taken to be slow for that gets no long prompt
    /// any more that could show the contrary. One that is slow indeed is known after a few.</summary>
    private const double MostTimesLonger = 3, BatchSeconds = 0.5;

    private readonly PrefillSpeed? _peers;
    private double _prior, _work, _seconds;
    private double? _recalled;

    /// <summary>A pool's, before anything is known.</summary>
    /// <param name="prior">Work a second.</param>
    public PrefillSpeed(double prior) => _prior = prior;

    /// <summary>An instance's, among its peers.</summary>
    public PrefillSpeed(PrefillSpeed peers) => _peers = peers;

    /// <summary>Work a second.</summary>
    /// <remarks>Computed when asked: what an instance has not shown itself it shares with its peers as they are known now. One whose only prompts came while
    /// nothing was known of anybody would otherwise be held to that, get no prompts that tell more, and stay so.</remarks>
    public double Rate => Math.Clamp((_work + (_recalled ?? Prior) * PriorSeconds) / (_seconds + PriorSeconds), Said / MostTimes, Said * MostTimes);

    /// <summary>What is believed before anything is seen; an operator may change a pool's.</summary>
    public double Prior
    {
        get => _peers?.Rate ?? _prior;
        set => _prior = value;
    }

    private double Said => _peers?.Said ?? _prior;

    /// <summary>Work a second by what was seen; null if nothing was.</summary>
    public double? Learned => _work > 0 ? Rate : null;

    /// <summary>Begins with what was learned before.</summary>
    public void Recall(double rate)
    {
        _recalled = Math.Clamp(rate, Said / MostTimes, Said * MostTimes);
        (_work, _seconds) = (_recalled.Value * RecalledSeconds, RecalledSeconds);
    }

    /// <summary>Some work took so many seconds.</summary>
    /// <remarks>The ratio of sums, not the mean of ratios: several prompts end in one step, and then the last of them takes no time.</remarks>
    public void Saw(double work, double seconds)
    {
        seconds = Math.Clamp(seconds, 0, MostTimesLonger * work / Rate + BatchSeconds);
        _work = Keep * _work + work;
        _seconds = Keep * _seconds + seconds;
        _peers?.Saw(work, seconds);
    }
}
