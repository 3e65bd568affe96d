using System.Globalization;

namespace FleetRouter.Gateway.Why;

/// <summary>Prints the answer to "why" for a terminal.</summary>
internal static class WhyText
{
    public static void Write(WhyAnswer answer, TextWriter to)
    {
        if (answer.Story is { } story)
            Write(story, answer.Others, to);
        foreach (ReplayOutcome replay in answer.Replays)
            Write(replay, to);
    }

    private static void Write(RequestStory story, IReadOnlyList<string> others, TextWriter to)
    {
        to.WriteLine($"request {story.RequestId}{(story.ClientId is { } id ? $" (the client's id: {id})" : "")}");
        if (others.Count > 0)
            to.WriteLine($"the client gave its id to {others.Count} earlier requests too, the last: {string.Join(", ", others.TakeLast(5))}");
        foreach (StoryStep step in story.Steps)
        {
            string replayed = step.Replayed switch { true => " [replayed: the same]", false => " [replayed: ANOTHER DECISION]", null => "" };
            to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{step.Time.UtcDateTime:yyyy-MM-dd HH:mm:ss.ffffff}Z {step.Said}{replayed}"));
            foreach (string line in step.Decision is { } decision ? DecisionWords.Reasons(decision) : [])
                to.WriteLine("  " + line);
        }
        to.WriteLine();
    }

    private static void Write(ReplayOutcome replay, TextWriter to)
    {
        to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"journal of pool {replay.Pool}, run {replay.Run}: {replay.Events:N0} events replayed, ")
            + string.Create(CultureInfo.InvariantCulture, $"{replay.Decisions:N0} decisions, digest {replay.ReplayedDigest}: ")
            + (replay.FirstDifference is null ? "as recorded" : $"NOT as recorded ({replay.RecordedDigest})"));
        if (replay.FirstDifference is { } difference)
            to.WriteLine($"  first difference at {difference}");
        if (replay.FirstLoadMismatch is { } mismatch)
            to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  the pool's load was NOT THE SUM over its gateways at {replay.LoadMismatches:N0} events, the first: {mismatch}"));
        if (replay.NotReplayed is { } why)
            to.WriteLine($"  {why}");
        if (replay.Truncated)
            to.WriteLine("  its last line was cut short, as a crash leaves it; all before it was read");
    }
}
