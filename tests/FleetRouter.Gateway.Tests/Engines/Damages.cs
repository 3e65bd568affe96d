using FleetRouter.Domain.Tests;

namespace FleetRouter.Gateway.Tests.Engines;

/// <summary>Spoils what a reader is given.</summary>
internal static class Damages
{
    /// <summary>The bytes with one to eight small damages: bytes flipped, cut, doubled, or the tail lost.</summary>
    public static byte[] Damage(this SplitMix64 random, byte[] whole)
    {
        var bytes = new List<byte>(whole);
        for (int times = 1 + random.Below(8); times > 0 && bytes.Count > 0; times--)
        {
            int at = random.Below(bytes.Count), length = Math.Min(1 + random.Below(40), bytes.Count - at);
            switch (random.Below(6))
            {
                case 0: bytes[at] = (byte)random.Below(256); break;
                case 1: bytes[at] = "\"\\{}=,\n #\t\0:-[]&*"u8[random.Below(17)]; break;
                case 2: bytes.RemoveRange(at, length); break;
                case 3: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
                case 4: bytes.InsertRange(random.Below(bytes.Count), bytes.GetRange(at, length)); break;
                default: if (random.Below(4) == 0) bytes.RemoveRange(at, bytes.Count - at); break;
            }
        }
        return [.. bytes];
    }
}
