namespace FleetRouter.Domain.Health;

/// <summary>A sum whose parts count half as much after each half-life.</summary>
internal struct FadingSum(TimeSpan halfLife)
{
    private double _sum;
    private TimeSpan _at;

    public readonly double At(TimeSpan now) => _sum * Math.Pow(0.5, (now - _at) / halfLife);

    public void Add(double amount, TimeSpan now) => (_sum, _at) = (At(now) + amount, now);

    public void Clear() => _sum = 0;
}
