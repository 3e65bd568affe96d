using System.Text.Json;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Traces;

/// <summary>
/// Mooncake (FAST '25). A hash id names a block of 512 tokens and everything before it. Arrivals are quantised to ticks
/// of 3 s: unless told otherwise each is moved by a seeded uniform jitter within its tick.
/// </summary>
internal static class MooncakeReader
{
    private const int BlockTokens = 512;
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(3);
    private static readonly ulong Blocks = SplitMix64.Key("mooncake");

    public static IEnumerable<TraceSession> Read(IEnumerable<TraceLine> lines, TraceReading reading)
    {
        var random = new SplitMix64(SplitMix64.Combine(reading.Seed, SplitMix64.Key("jitter")));
        double? origin = null;
        foreach (var line in lines)
        {
            using var document = line.ParseObject();
            var row = document.RootElement;
            var timestamp = line.Real(row, "timestamp");
            origin ??= timestamp;
            var start = TimeSpan.FromMilliseconds(timestamp - origin.Value);
            if (start < TimeSpan.Zero) throw line.Wrong("field 'timestamp' lies before the first line's");
            if (reading.Jitter) start += Tick * random.NextDouble();

            var tokens = line.Count(row, "input_length");
            var runs = BlockRuns.Of(line.Array(row, "hash_ids").EnumerateArray().Select(id => Id(line, id)), Blocks);
            if (runs.Sum(run => (long)run.Count) * BlockTokens < tokens)
                throw line.Wrong($"input_length {tokens} is more than the blocks of hash_ids hold ({BlockTokens} tokens each)");
            yield return TraceSession.Lone(start, new BlockText(BlockTokens, runs, tokens), Math.Max(1, line.Count(row, "output_length")));
        }
    }

    private static long Id(TraceLine line, JsonElement id) =>
        id.ValueKind == JsonValueKind.Number && id.TryGetInt64(out var number)
            ? number : throw line.Wrong("field 'hash_ids' must hold whole numbers only");
}
