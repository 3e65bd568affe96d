using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Traces;

/// <summary>
/// Claude Code sessions. Hash ids name blocks of 64 tokens and everything before them, within their session alone. What
/// sessions share is not recorded; as its README proposes, sessions of one prefix class share their tool and system
/// prefix: the blocks of a session's first request up to tool_tokens + system_tokens are named by the class instead. A
/// sub-agent's first request is treated likewise by its own tool and system lengths. Sessions have no absolute start: a
/// seeded Poisson process starts them in the file's order.
/// </summary>
internal static class ClaudeCodeReader
{
    public static IEnumerable<TraceSession> Read(IEnumerable<TraceLine> lines, TraceReading reading)
    {
        var random = new SplitMix64(SplitMix64.Combine(reading.Seed, SplitMix64.Key("session starts")));
        var start = TimeSpan.Zero;
        foreach (var line in lines)
        {
            using var document = line.ParseObject();
            yield return new ClaudeCodeSession(line, document.RootElement, reading).Read(start);
            start += TimeSpan.FromSeconds(random.Exponential(1 / reading.SessionRate));
        }
    }
}
