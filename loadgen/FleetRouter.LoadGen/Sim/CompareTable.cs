using System.Globalization;
using FleetRouter.LoadGen.Reports;
using FleetRouter.Simulation.Comparison;
using Spectre.Console;

namespace FleetRouter.LoadGen.Sim;

/// <summary>A comparison as a table on the terminal, the highest capacity first.</summary>
internal static class CompareTable
{
    public static readonly IReadOnlyList<string> Headings =
        ["capacity", "of best rival", "good", "longest tenth", "TTFT p50 / p90 / p99", "from cache", "refused", "load CV"];

    public static void Write(IAnsiConsole console, ComparisonReport report)
    {
        // Notes go out as they are: a console without a width of its own would break long lines.
        TextWriter plain = console.Profile.Out.Writer;
        foreach (string line in Facts(report)) plain.WriteLine(line);
        var table = new Table().Border(TableBorder.Rounded).AddColumn("policy");
        foreach (string heading in Headings) table.AddColumn(new TableColumn(heading).RightAligned());
        foreach ((string name, PolicyFigures of) in Ordered(report))
            table.AddRow([new Text(Label(report, name, of)), .. Cells(report, of).Select(cell => new Text(cell))]);
        console.Write(table);
        foreach (string line in Ratios(report).Concat(report.Notes)) plain.WriteLine(line);
    }

    public static IEnumerable<(string Name, PolicyFigures Of)> Ordered(ComparisonReport report) =>
        report.Policies.Concat(report.Referees).OrderByDescending(pair => pair.Value.SloCapacityRps ?? -1).Select(pair => (pair.Key, pair.Value));

    public static string Label(ComparisonReport report, string name, PolicyFigures of) =>
        report.Referees.ContainsKey(name) ? $"{name} (referee)" : name == report.DefaultPolicy ? $"{of.Variant} (default)" : of.Variant;

    public static string[] Cells(ComparisonReport report, PolicyFigures of)
    {
        double? best = report.BestRival is { } rival ? report.Policies[rival].SloCapacityRps : null;
        return
        [
            of.SloCapacityRps is { } rate ? Invariant($"{(of.AtLeast ? "≥ " : "")}{rate:0.00}/s") : "none",
            of.SloCapacityRps / best is { } ratio ? Invariant($"{ratio:0.00}") : "-",
            Share(of.GoodShare), Share(of.GoodShareLongestTenth),
            of.TtftMs is { } ttft ? $"{TableReport.Ms(ttft.P50)} / {TableReport.Ms(ttft.P90)} / {TableReport.Ms(ttft.P99)}" : "-",
            Share(of.HitTokenShare), Share(of.RefusedShare), of.LoadCv is { } cv ? Invariant($"{cv:0.00}") : "-",
        ];
    }

    /// <summary>The cell in words.</summary>
    public static IEnumerable<string> Facts(ComparisonReport report)
    {
        yield return Invariant($"{report.Trace} ({report.Format}): {report.Requests} requests in {report.Sessions} sessions, seed {report.Seed}");
        yield return Invariant($"{report.Instances} x {report.Profile}, {report.KvTokensPerInstance} tokens of KV cache each; working set {report.WorkingSetTokens} tokens");
        string more = report.Slo.TtftMsPer1kTokens > 0 ? Invariant($" + {report.Slo.TtftMsPer1kTokens:0.##} ms per 1,000 prompt tokens") : "";
        yield return Invariant($"promise: first token within {report.Slo.TtftMs:0.##} ms{more}, tokens {report.Slo.InterTokenMs:0.##} ms apart");
    }

    /// <summary>The default policy beside the best rival and the referees.</summary>
    public static IEnumerable<string> Ratios(ComparisonReport report)
    {
        string Ratio(double? ratio) => ratio is { } number ? Invariant($"{number:0.000}") : "-";
        yield return $"{report.DefaultPolicy}: {Ratio(report.RatioToBestRival)} of the best rival ({report.BestRival ?? "none"}), {Ratio(report.RatioToClairvoyant)} of clairvoyant, {Ratio(report.RatioToSharedCache)} of shared-cache";
        if (report.Overload is { } beyond)
            yield return Invariant($"at {beyond.Rps:0.00}/s (1.5 of the best rival's capacity): goodput {beyond.Goodput:0.00}/s against {beyond.RivalGoodput:0.00}/s ({Ratio(report.OverloadGoodputRatio)}), longest tenth {Share(beyond.GoodShareLongestTenth)} against {Share(beyond.RivalGoodShareLongestTenth)}");
    }

    private static string Share(double? share) => share is { } number ? Invariant($"{number * 100:0.0} %") : "-";

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
