namespace FleetRouter.Simulation.Comparison;

/// <summary>A ratio over many cells.</summary>
/// <param name="Cells">Cells that have it.</param>
/// <param name="GeometricMean">Its geometric mean.</param>
/// <param name="Least">Its least value.</param>
/// <param name="LeastIn">The cell of that.</param>
public sealed record RatioSummary(int Cells, double GeometricMean, double Least, string LeastIn)
{
    internal static RatioSummary? Of(IReadOnlyList<ComparisonReport> cells, Func<ComparisonReport, double?> ratio)
    {
        ComparisonReport[] with = [.. cells.Where(cell => ratio(cell) is > 0)];
        if (with.Length == 0)
            return null;
        ComparisonReport least = with.MinBy(ratio)!;
        return new RatioSummary(with.Length, Math.Exp(with.Average(cell => Math.Log(ratio(cell)!.Value))), ratio(least)!.Value, MatrixSummary.NameOf(least));
    }
}

/// <summary>What a matrix of cells shows together; null where no cell has the ratio.</summary>
/// <param name="Cells">Cells.</param>
/// <param name="RatioToBestRival">Capacity over the best rival's.</param>
/// <param name="OverloadGoodputRatio">Goodput over the best rival's at one and a half times its capacity.</param>
/// <param name="RatioToClairvoyant">Capacity over the clairvoyant router's.</param>
/// <param name="RatioToSharedCache">Capacity over the shared-cache fleet's.</param>
/// <param name="RatioToBestRivalWithRoom">Capacity over the best rival's in the cells where the shared-cache fleet has at least 1.2 times the best rival's.</param>
/// <param name="LeastOfRival">For each rival its least capacity in parts of the best rival's in a cell.</param>
public sealed record MatrixSummary(
    int Cells, RatioSummary? RatioToBestRival, RatioSummary? OverloadGoodputRatio, RatioSummary? RatioToClairvoyant, RatioSummary? RatioToSharedCache,
    RatioSummary? RatioToBestRivalWithRoom, IReadOnlyDictionary<string, RatioSummary> LeastOfRival)
{
    /// <summary>Shared-cache capacity, in parts of the best rival's, from which on a cell has room.</summary>
    private const double Room = 1.2;

    /// <summary>Over cells.</summary>
    public static MatrixSummary Of(IReadOnlyList<ComparisonReport> cells)
    {
        double? Best(ComparisonReport cell) => cell.BestRival is { } best ? cell.Policies[best].SloCapacityRps : null;
        IEnumerable<string> rivals = cells.SelectMany(cell => cell.Policies.Keys).Where(name => cells.All(cell => name != cell.DefaultPolicy)).Distinct();
        return new MatrixSummary(
            cells.Count,
            RatioSummary.Of(cells, cell => cell.RatioToBestRival),
            RatioSummary.Of(cells, cell => cell.OverloadGoodputRatio),
            RatioSummary.Of(cells, cell => cell.RatioToClairvoyant),
            RatioSummary.Of(cells, cell => cell.RatioToSharedCache),
            RatioSummary.Of([.. cells.Where(cell => cell.Referees.GetValueOrDefault(PlannedCell.SharedCache)?.SloCapacityRps >= Room * Best(cell))], cell => cell.RatioToBestRival),
            rivals.Select(name => (name, Of: RatioSummary.Of(cells, cell => cell.Policies.GetValueOrDefault(name)?.SloCapacityRps / Best(cell))))
                .Where(pair => pair.Of is not null).ToDictionary(pair => pair.name, pair => pair.Of!));
    }

    /// <summary>A cell in a line.</summary>
    public static string NameOf(ComparisonReport cell)
    {
        string slo = cell.Slo.TtftMsPer1kTokens > 0 ? $"{cell.Slo.TtftMs:0}+{cell.Slo.TtftMsPer1kTokens:0.#}/1k ms" : $"{cell.Slo.TtftMs:0} ms";
        return FormattableString.Invariant($"{cell.Trace}, {cell.Instances} x {cell.Profile}, KV {cell.KvRatio:0.##}, {slo}");
    }
}
