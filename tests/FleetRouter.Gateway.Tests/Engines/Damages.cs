namespace FleetRouter.Gateway.Tests.Engines;

/// <summary>A seeded generator whose sequence is the same on every machine and runtime.</summary>
internal sealed class SplitMix64(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    public int Next(int bound) => (int)(Next() % (ulong)bound);

    /// <summary>The bytes with one to eight small damages: bytes flipped, cut, doubled, or the tail lost.</summary>
    public byte[] Damage(byte[] whole)
    {
        var bytes = new List<byte>(whole);
        for (int times = 1 + Next(8); times > 0 && bytes.Count > 0; times--)
        {
            int at = Next(bytes.Count), length = Math.Min(1 + Next(40), bytes.Count - at);
            switch (Next(6))
            {
                case 0: bytes[at] = (byte)Next(256); break;
                case 1: bytes[at] = "\"\\{}=,\n #\t\0:-[]&*"u8[Next(17)]; break;
                case 2: bytes.RemoveRange(at, length); break;
                case 3: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
                case 4: bytes.InsertRange(Next(bytes.Count), bytes.GetRange(at, length)); break;
                default: if (Next(4) == 0) bytes.RemoveRange(at, bytes.Count - at); break;
            }
        }
        return [.. bytes];
    }
}
