using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Simulation.Workloads;

/// <summary>
/// The seeded generator behind every synthetic text, length and arrival: the same seed gives the same sequence on
/// every machine. Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
/// </summary>
/// <param name="seed">Any value; neighbouring seeds give unrelated sequences.</param>
public struct SplitMix64(ulong seed)
{
    private ulong _drawn;

    /// <summary>The next 64 uniform bits.</summary>
    public ulong Next() => XxHash64.Mix(seed, ++_drawn);

    /// <summary>A uniform number in [0, 1) with 53 random bits.</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>A uniform integer in [0, <paramref name="bound"/>).</summary>
    /// <param name="bound">Above 0. The bias of the multiplication method is below bound / 2^64.</param>
    public int Below(int bound) => (int)Math.BigMul(Next(), (ulong)bound, out _);

    /// <summary>An exponentially distributed number of the given mean, the gap of a Poisson process.</summary>
    public double Exponential(double mean) => -mean * Math.Log(1.0 - NextDouble());

    /// <summary>A standard normal number (Box and Muller; two uniforms each, so that the sequence has no hidden half).</summary>
    public double Normal()
    {
        var radius = Math.Sqrt(-2.0 * Math.Log(1.0 - NextDouble()));
        return radius * Math.Cos(2.0 * Math.PI * NextDouble());
    }

    /// <summary>A key that depends on both arguments and on their order.</summary>
    public static ulong Combine(ulong left, ulong right) => Scramble(XxHash64.Mix(left, 1) ^ right);

    /// <summary>A key of a text: FNV-1a over its UTF-16 code units, scrambled.</summary>
    public static ulong Key(string text)
    {
        var hash = 14695981039346656037UL;
        foreach (var unit in text) hash = (hash ^ unit) * 1099511628211UL;
        return Scramble(hash);
    }

    private static ulong Scramble(ulong bits) => XxHash64.Mix(bits, 0);
}
