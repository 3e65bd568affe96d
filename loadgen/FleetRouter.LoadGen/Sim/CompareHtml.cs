using System.Globalization;
using System.Text;
using FleetRouter.LoadGen.Reports;
using FleetRouter.Simulation.Comparison;

namespace FleetRouter.LoadGen.Sim;

/// <summary>A comparison as one HTML file with plots. It refers to nothing outside itself.</summary>
internal static class CompareHtml
{
    private const int Ours = 0, Best = 1, Other = 4;

    public static string Text(ComparisonReport report)
    {
        var page = new StringBuilder();
        HtmlReport.Begin(page, $"Placement on {report.Trace}, {report.Instances} instances");
        Note(page, CompareTable.Facts(report));
        page.Append("<p>A policy's capacity is the highest rate at which nine tenths of the requests meet the promise, the tenth with the longest prompts fares no more than 3 points worse than with the best rival at that rate, and every request finishes. The table's figures are those at each policy's own capacity.</p>\n");
        Note(page, CompareTable.Ratios(report));
        Table(page, report);
        page.Append("<h2>At each policy's capacity</h2><div class=\"plots\">\n");
        page.Append(Bars(report, "SLO capacity, requests per second", of => of.SloCapacityRps, "0.00"));
        page.Append(Bars(report, "Prompt tokens found in cache, %", of => of.HitTokenShare * 100, "0.0"));
        page.Append(Bars(report, "Longest tenth of prompts that met the promise, %", of => of.GoodShareLongestTenth * 100, "0.0"));
        page.Append(Distance(report));
        page.Append("</div>\n");
        if (report.Curves.Count > 0)
        {
            page.Append("<h2>Over the load</h2><p class=\"note\">Load 1 is the best rival's capacity.</p><div class=\"plots\">\n");
            foreach (string plot in Curves(report)) page.Append(plot).Append('\n');
            page.Append("</div>\n");
        }
        Note(page, report.Notes);
        return page.Append("</body></html>\n").ToString();
    }

    private static void Note(StringBuilder page, IEnumerable<string> lines) =>
        page.Append($"<p class=\"note\">{string.Join("<br>", lines.Select(HtmlReport.Encode))}</p>\n");

    private static void Table(StringBuilder page, ComparisonReport report)
    {
        page.Append("<div class=\"scroll\"><table><tr><th>policy</th>");
        foreach (string heading in CompareTable.Headings) page.Append($"<th>{HtmlReport.Encode(heading)}</th>");
        page.Append("</tr>\n");
        foreach ((string name, PolicyFigures of) in CompareTable.Ordered(report))
        {
            page.Append($"<tr><td>{HtmlReport.Encode(CompareTable.Label(report, name, of))}</td>");
            foreach (string cell in CompareTable.Cells(report, of)) page.Append($"<td>{HtmlReport.Encode(cell)}</td>");
            page.Append("</tr>\n");
        }
        page.Append("</table></div>\n");
    }

    private static string Bars(ComparisonReport report, string title, Func<PolicyFigures, double?> value, string format) =>
        SvgPlot.Rows(title, [.. CompareTable.Ordered(report).Select(pair =>
            (pair.Name, Colour(report, pair.Name), value(pair.Of) ?? 0, value(pair.Of)?.ToString(format, CultureInfo.InvariantCulture) ?? "none"))]);

    private static string Distance(ComparisonReport report)
    {
        (string Name, int Colour, double? Ratio)[] ratios =
        [
            ("of the best rival", Best, report.RatioToBestRival), ("of clairvoyant", 2, report.RatioToClairvoyant), ("of shared-cache", 3, report.RatioToSharedCache),
            ("goodput in overload", Ours, report.OverloadGoodputRatio),
        ];
        return SvgPlot.Rows($"{report.DefaultPolicy} in parts of others", [.. ratios.Select(of =>
            (of.Name, of.Colour, of.Ratio ?? 0, of.Ratio?.ToString("0.00", CultureInfo.InvariantCulture) ?? "not compared"))]);
    }

    private static IEnumerable<string> Curves(ComparisonReport report)
    {
        string[] names = [.. report.Curves.Keys];
        int free = 2;
        Dictionary<string, int> colours = names.ToDictionary(name => name, name => name == report.DefaultPolicy ? Ours : name == report.BestRival ? Best : free++);
        string Plot(string title, string unit, Func<LoadPoint, double> of, double? top = null) => SvgPlot.Lines(title, "load", unit,
            [.. names.Select(name => new PlotSeries(name, Math.Min(5, colours[name]), [.. report.Curves[name].Select(point => new CurvePoint(point.Load, of(point)))]))], yTop: top);
        yield return Plot("Requests that met the promise", "requests/s", point => point.GoodputRps);
        yield return Plot("Share that met the promise", "share", point => point.GoodShare, 1);
        yield return Plot("Share of the longest tenth that met the promise", "share", point => point.GoodShareLongestTenth, 1);
        yield return Plot("Time to first token, p50", "s", point => point.TtftMs.P50 / 1000);
        yield return Plot("Time to first token, p90", "s", point => point.TtftMs.P90 / 1000);
        yield return Plot("Time to first token, p99", "s", point => point.TtftMs.P99 / 1000);
        yield return Plot("Prompt tokens found in cache", "share", point => point.HitTokenShare, 1);
        yield return Plot("Requests refused", "share", point => point.RefusedShare, 1);
    }

    private static int Colour(ComparisonReport report, string name) =>
        name == report.DefaultPolicy ? Ours : name == report.BestRival ? Best : report.Referees.ContainsKey(name) ? 2 : Other;
}
