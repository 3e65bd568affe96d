namespace FleetRouter.Benchmarks.Overhead;

/// <summary>Who runs where: the proxy measured has a core of its own.</summary>
internal static class Cores
{
    public const int Load = 0;
    public const int Proxy = 1;

    public static readonly int[] All = [Load, Proxy];
}
