namespace FleetRouter.Simulation.Comparison;

/// <summary>What a comparison found. Times are milliseconds, rates requests a second, shares 0 to 1; a figure that cannot be told is null.</summary>
public sealed record ComparisonReport
{
    /// <summary>The trace's file name.</summary>
    public required string Trace { get; init; }

    /// <summary>Its format.</summary>
    public required string Format { get; init; }

    /// <summary>Engine profile.</summary>
    public required string Profile { get; init; }

    /// <summary>Engines.</summary>
    public required int Instances { get; init; }

    /// <summary>KV capacity asked for, in working sets of the whole fleet; null for the profile's own.</summary>
    public required double? KvRatio { get; init; }

    /// <summary>KV capacity of each engine.</summary>
    public required long KvTokensPerInstance { get; init; }

    /// <summary>Prompt tokens in use at a moment: used before, and used again later.</summary>
    public required long WorkingSetTokens { get; init; }

    /// <summary>The promise.</summary>
    public required SloFigures Slo { get; init; }

    /// <summary>Requests of the workload.</summary>
    public required int Requests { get; init; }

    /// <summary>Sessions of the workload.</summary>
    public required int Sessions { get; init; }

    /// <summary>Sessions that are copies, because the trace has fewer requests.</summary>
    public required int CopiedSessions { get; init; }

    /// <summary>Sessions ended early, before a turn beyond the engines' longest context.</summary>
    public required int ShortenedSessions { get; init; }

    /// <summary>Requests that miss the promise even on an idle engine: they do not count for it, but must finish.</summary>
    public required int ExcludedFromSlo { get; init; }

    /// <summary>Seed.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The router's own policy.</summary>
    public required string DefaultPolicy { get; init; }

    /// <summary>The rival with the highest capacity.</summary>
    public required string? BestRival { get; init; }

    /// <summary>Capacity of the default policy over the best rival's.</summary>
    public required double? RatioToBestRival { get; init; }

    /// <summary>Capacity of the default policy over the clairvoyant router's.</summary>
    public required double? RatioToClairvoyant { get; init; }

    /// <summary>Capacity of the default policy over that of a fleet whose engines share one cache.</summary>
    public required double? RatioToSharedCache { get; init; }

    /// <summary>Goodput at one and a half times the best rival's capacity, the default policy's over the best rival's.</summary>
    public required double? OverloadGoodputRatio { get; init; }

    /// <summary>Both at that rate.</summary>
    public required OverloadFigures? Overload { get; init; }

    /// <summary>By policy; figures are those at the policy's own capacity.</summary>
    public required IReadOnlyDictionary<string, PolicyFigures> Policies { get; init; }

    /// <summary>The same of the referees, which know what no router can.</summary>
    public required IReadOnlyDictionary<string, PolicyFigures> Referees { get; init; }

    /// <summary>Some of them over the load, in parts of the best rival's capacity.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<LoadPoint>> Curves { get; init; }

    /// <summary>What the figures do not say.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}

/// <summary>A promise, in milliseconds.</summary>
/// <param name="TtftMs">Time to first token of an empty prompt.</param>
/// <param name="TtftMsPer1kTokens">Added for each 1,000 prompt tokens.</param>
/// <param name="InterTokenMs">Mean time between tokens.</param>
public sealed record SloFigures(double TtftMs, double TtftMsPer1kTokens, double InterTokenMs);

/// <summary>What a contestant is worth, at its own capacity.</summary>
/// <param name="SloCapacityRps">The highest rate at which it keeps the promise; null if it keeps it at none.</param>
/// <param name="AtLeast">Whether it kept it at every rate the workload reaches.</param>
/// <param name="Variant">The setting that did best here.</param>
/// <param name="CapacityWithoutProtection">The highest rate if the longest prompts were anyone's to starve.</param>
/// <param name="GoodShare">Share of the requests that met the promise.</param>
/// <param name="GoodShareLongestTenth">The same among the tenth with the longest prompts.</param>
/// <param name="TtftMs">Time to first token.</param>
/// <param name="InterTokenMs">Mean time between tokens.</param>
/// <param name="HitTokenShare">Prompt tokens found in cache.</param>
/// <param name="LoadCv">Coefficient of variation of pending prefill between engines.</param>
/// <param name="RefusedShare">Share of the requests refused.</param>
public sealed record PolicyFigures(
    double? SloCapacityRps, bool AtLeast, string Variant, double? CapacityWithoutProtection, double? GoodShare, double? GoodShareLongestTenth,
    Percentiles? TtftMs, Percentiles? InterTokenMs, double? HitTokenShare, double? LoadCv, double? RefusedShare);

/// <summary>The default policy and the best rival beyond both their capacities.</summary>
/// <param name="Rps">The rate.</param>
/// <param name="Goodput">Requests a second of the default policy that met the promise.</param>
/// <param name="RivalGoodput">Of the best rival.</param>
/// <param name="GoodShareLongestTenth">Among the longest tenth, the default policy.</param>
/// <param name="RivalGoodShareLongestTenth">Among the longest tenth, the best rival.</param>
/// <param name="RefusedShare">Refused by the default policy.</param>
/// <param name="RivalRefusedShare">Refused by the best rival.</param>
public sealed record OverloadFigures(
    double Rps, double Goodput, double RivalGoodput, double GoodShareLongestTenth, double RivalGoodShareLongestTenth,
    double RefusedShare, double RivalRefusedShare);

/// <summary>A contestant at one load.</summary>
/// <param name="Load">In parts of the best rival's capacity.</param>
/// <param name="Rps">The rate.</param>
/// <param name="GoodputRps">Requests a second that met the promise.</param>
/// <param name="GoodShare">Their share.</param>
/// <param name="GoodShareLongestTenth">Their share among the longest tenth.</param>
/// <param name="TtftMs">Time to first token.</param>
/// <param name="HitTokenShare">Prompt tokens found in cache.</param>
/// <param name="RefusedShare">Share refused.</param>
public sealed record LoadPoint(
    double Load, double Rps, double GoodputRps, double GoodShare, double GoodShareLongestTenth, Percentiles TtftMs, double HitTokenShare, double RefusedShare);
