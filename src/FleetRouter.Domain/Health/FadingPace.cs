namespace FleetRouter.Domain.Health;

/// <summary>Mean time between the tokens of an instance's answers of late.</summary>
internal sealed class FadingPace
{
    private static readonly TimeSpan Memory = TimeSpan.FromSeconds(15);

    /// <summary>Stretches of answers that tell enough.</summary>
    private const double LeastStretches = 8;

    private FadingSum _seconds = new(Memory), _stretches = new(Memory);

    /// <summary>Mean time between tokens, seconds; null where too little is known.</summary>
    public double? At(TimeSpan now) => _stretches.At(now) is >= LeastStretches and var count ? _seconds.At(now) / count : null;

    public void Saw(double interToken, TimeSpan now)
    {
        _seconds.Add(interToken, now);
        _stretches.Add(1, now);
    }

    public void Clear()
    {
        _seconds.Clear();
        _stretches.Clear();
    }
}
