using System.Globalization;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Gateway.Why;

/// <summary>Decisions in plain words.</summary>
internal static class DecisionWords
{
    /// <summary>The terms of a candidate's score, one a column: a term added to <see cref="CandidateScore"/> is shown by a line here.</summary>
    private static readonly (string Title, Func<CandidateScore, string> Value)[] Terms =
    [
        ("role", c => KebabNames.Of(c.Role)),
        ("cached tokens", c => Count(c.CachedTokens)),
        ("to compute", c => Count(c.UncachedTokens)),
        ("queued before", c => Count(c.PendingPrefillTokens)),
        ("requests", c => Count(c.Requests)),
        ("est. TTFT", c => Seconds(c.EstimatedTtft)),
        ("not taken for", c => c.Refused ?? "-"),
    ];

    /// <summary>The terms of a candidate's cost in seconds, shown where the policy weighs by it.</summary>
    private static readonly (string Title, Func<CostTerms, double> Seconds)[] CostColumns =
    [
        ("own", c => c.Own), ("wait", c => c.Wait), ("late", c => c.Late), ("crowding", c => c.Crowding),
        ("eviction", c => c.Eviction), ("future", c => c.Future), ("anchor", c => c.Anchor), ("cost in s", c => c.Total),
    ];

    /// <summary>The reasons an effect carries; null for one without.</summary>
    public static Decision? Of(PoolEffect decided) => decided switch
    {
        Dispatch e => e.Decision,
        Move e => e.Decision,
        Migrate e => e.Decision,
        Hedge e => e.Decision,
        Refuse e => e.Decision,
        _ => null,
    };

    /// <summary>What a decision comes to, in a line.</summary>
    public static string Outcome(PoolEffect decided) => decided switch
    {
        Move e => $"attempt {e.Decision.Attempt} moved from {e.From} to {e.To}",
        Migrate e => $"attempt {e.Decision.Attempt} carried over from {e.From} to {e.To} behind {e.Decision.EmittedTokens} tokens",
        Hedge e => $"attempt {e.Decision.Attempt} asked of {e.To} too, beside {e.From}",
        Dispatch or Refuse => Outcome(Of(decided)!),
        _ => "held in the router: no instance could take it yet, or the one that suits it could not",
    };

    /// <summary>What a decision comes to, in a line.</summary>
    public static string Outcome(Decision decision) => decision.Instance is { } instance
        ? $"attempt {decision.Attempt} sent to {instance}"
        : $"refused ({KebabNames.Of(decision.Refusal!.Kind)}, {decision.Refusal.Reason}): {decision.Refusal.Message}"
            + (decision.Refusal.RetryAfter is { } after ? $"; to be asked again after {Seconds(after)}" : "");

    /// <summary>The reasons of a decision, several lines.</summary>
    public static IEnumerable<string> Reasons(Decision decision)
    {
        yield return $"prompt      {Count(decision.PromptTokens)} tokens";
        yield return $"prefix key  {decision.Key.Hash:x16}, {Key(decision.Key)}";
        yield return $"workload    {KebabNames.Of(decision.Workload)}";
        yield return $"policy      {decision.Policy}";
        yield return $"rule        {KebabNames.Of(decision.Rule)}{(Meaning(decision.Rule) is { } meaning ? $": {meaning}" : "")}";
        yield return $"held        {Seconds(decision.HeldFor)}";
        if (decision.Candidates.Count == 0)
            yield return "candidates  none was weighed";
        else
            foreach (string line in Table(decision).Concat(Costs(decision)))
                yield return line;
    }

    private static string Key(PrefixKey key) => key.Depth == 0
        ? "all of a prompt too short to share a prefix"
        : string.Create(CultureInfo.InvariantCulture, $"of a prefix {key.Depth} blocks deep that {key.Share * 100:0.##} % of the last requests have");

    private static IEnumerable<string> Table(Decision decision)
    {
        List<string[]> rows =
        [
            ["", "instance", .. Terms.Select(t => t.Title)],
            .. decision.Candidates.Select(c => (string[])[c.Instance == decision.Instance ? ">" : "", c.Instance, .. Terms.Select(t => t.Value(c))]),
        ];
        return Aligned(rows, left: 3);
    }

    private static IEnumerable<string> Costs(Decision decision)
    {
        CandidateScore[] priced = [.. decision.Candidates.Where(c => c.Cost is not null)];
        if (priced.Length == 0)
            return [];
        List<string[]> rows =
        [
            ["", "instance", .. CostColumns.Select(t => t.Title), ""],
            .. priced.Select(c => (string[])[c.Instance == decision.Instance ? ">" : "", c.Instance,
                .. CostColumns.Select(t => t.Seconds(c.Cost!.Value).ToString("0.000", CultureInfo.InvariantCulture)), ""]),
        ];
        return Aligned(rows, left: 2);
    }

    /// <summary>Words to the left: the first columns and the last; numbers to the right.</summary>
    private static IEnumerable<string> Aligned(List<string[]> rows, int left)
    {
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length))];
        return rows.Select(row => string.Join("  ", row.Select((cell, i) => i < left || i == row.Length - 1 ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]))).TrimEnd());
    }

    private static string? Meaning(PlacementRule rule) => rule switch
    {
        PlacementRule.SessionHome => "the session's last turn ran there, its cache is there, and the SLO allows",
        PlacementRule.Warm => "it has more of the prompt cached than the other candidate, and its queue is within the SLO",
        PlacementRule.Lighter => "the caches are alike, or the warm candidate's queue breaks the SLO: the lighter candidate",
        PlacementRule.OnlyCandidate => "no other candidate could take it",
        PlacementRule.Spill => "no candidate could take it: the least loaded of the others",
        PlacementRule.LeastLoad => "it had the least load of all",
        PlacementRule.LeastCost => "it costs the fewest seconds, of this request and the others, now and later",
        PlacementRule.RoundRobin => "it was next in turn",
        PlacementRule.Score => "it was the best by the policy's own measure",
        PlacementRule.Rebalanced => "it queued, had no token yet, and begins sooner there",
        PlacementRule.Relieved => "room ran out where it was answered, and there is some",
        PlacementRule.Drained => "the instance it was on is being emptied",
        PlacementRule.Hedged => "its first token is late where it is, and there is room there",
        PlacementRule.Refused => "no instance was given",
        _ => null,
    };

    private static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Seconds(TimeSpan value) => value.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture) + " s";
}
