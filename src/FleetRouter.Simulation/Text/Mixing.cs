using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Simulation.Text;

/// <summary>
/// The two mixing steps every hash and draw of the simulation is made of: the multiply-and-fold of wyhash and the
/// finaliser of SplitMix64. Both are plain integer arithmetic, so the same input gives the same output everywhere.
/// </summary>
internal static class Mixing
{
    public const ulong Golden = 0x9E37_79B9_7F4A_7C15;
    public const ulong First = 0xA076_1D64_78BD_642F;
    public const ulong Second = 0xE703_7ED1_A0B4_28DB;

    public static ulong Fold(ulong a, ulong b)
    {
        var high = Math.BigMul(a, b, out ulong low);
        return high ^ low;
    }

    public static ulong SplitMix(ulong state) => XxHash64.Mix(state, 1);
}
