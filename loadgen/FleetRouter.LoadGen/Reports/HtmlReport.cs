using System.Net;
using System.Text;

namespace FleetRouter.LoadGen.Reports;

/// <summary>Reports as one HTML file with plots, several laid over one another. It refers to nothing outside itself.</summary>
internal static class HtmlReport
{
    private const string Style = """
        :root { color-scheme: light dark; --ground: #fff; --ink: #1c2430; --soft: #5c6675; --rule: #dfe4ea; --mark: #c0392b;
          --c0: #2563c9; --c1: #d9730d; --c2: #0f8a5f; --c3: #8b46c0; --c4: #7a8699; --c5: #b8336a; }
        @media (prefers-color-scheme: dark) { :root { --ground: #14181f; --ink: #e6eaf0; --soft: #98a3b3; --rule: #2c3440; --mark: #ff7b6b;
          --c0: #6ea8ff; --c1: #ffab5c; --c2: #4cd3a0; --c3: #c79bf2; --c4: #a8b3c4; --c5: #ff8ab8; } }
        body { margin: 2rem auto; max-width: 1160px; padding: 0 1rem; background: var(--ground); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
        h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } p.note { color: var(--soft); }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; } td, th { padding: .25rem .8rem; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; }
        td:first-child, th:first-child { text-align: left; padding-left: 0; } div.scroll { overflow-x: auto; }
        .plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 460px), 1fr)); gap: 1.5rem; }
        figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: .3rem; } svg { width: 100%; height: auto; }
        .grid { stroke: var(--rule); } .tick, .axis { fill: var(--soft); font-size: 11px; } .mark { stroke: var(--mark); stroke-dasharray: 2 3; }
        .line { fill: none; stroke-width: 2; stroke-linejoin: round; } polyline.dashed { stroke-dasharray: 5 4; }
        .s0 { stroke: var(--c0); } .s1 { stroke: var(--c1); } .s2 { stroke: var(--c2); } .s3 { stroke: var(--c3); } .s4 { stroke: var(--c4); } .s5 { stroke: var(--c5); }
        .bar.b0 { fill: var(--c0); } .bar.b1 { fill: var(--c1); } .bar.b2 { fill: var(--c2); } .bar.b3 { fill: var(--c3); } .bar.b4 { fill: var(--c4); } .bar.b5 { fill: var(--c5); }
        .legend { margin: .2rem 0 0; color: var(--soft); } .legend span { margin-right: 1.2rem; white-space: nowrap; }
        .legend i { display: inline-block; width: 1.2em; height: .25em; margin-right: .4em; vertical-align: middle; }
        i.b0 { background: var(--c0); } i.b1 { background: var(--c1); } i.b2 { background: var(--c2); } i.b3 { background: var(--c3); } i.b4 { background: var(--c4); } i.b5 { background: var(--c5); } i.dashed { opacity: .5; }
        """;

    public static string Text(string title, IReadOnlyList<(string Name, ReplayReport Report)> reports)
    {
        var page = new StringBuilder();
        Begin(page, title);
        var first = reports[0].Report;
        page.Append($"<p class=\"note\">Workload {Encode(first.Trace)} ({Encode(first.Format)}), seed {first.Seed}, speed {PlotAxis.Label(first.Speed)}, model {Encode(first.Model)}. Latencies are of completed requests, from the scheduled instant. Percentiles: {Encode(first.Percentiles)}. SLOs: first token within {TableReport.Ms(first.Slo.TtftMs)}, mean time between tokens within {TableReport.Ms(first.Slo.ItlMs)} (dotted marks).</p>\n");
        Figures(page, reports);
        page.Append("<h2>Plots</h2><div class=\"plots\">\n");
        foreach (var plot in Plots(reports)) page.Append(plot).Append('\n');
        page.Append("</div>\n");
        foreach (var (name, report) in reports) Instances(page, name, report);
        return page.Append("</body></html>\n").ToString();
    }

    /// <summary>A page's head and heading; the caller closes body and html.</summary>
    public static void Begin(StringBuilder page, string title) =>
        page.Append($"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{Encode(title)}</title>\n<style>\n{Style}\n</style></head>\n<body><h1>{Encode(title)}</h1>\n");

    private static void Figures(StringBuilder page, IReadOnlyList<(string Name, ReplayReport Report)> reports)
    {
        page.Append("<div class=\"scroll\"><table><tr><th></th>");
        foreach (var (name, _) in reports) page.Append($"<th>{Encode(name)}</th>");
        page.Append("</tr>\n");
        foreach (var (label, value) in TableReport.Rows())
        {
            page.Append($"<tr><td>{Encode(label)}</td>");
            foreach (var (_, report) in reports) page.Append($"<td>{Encode(value(report))}</td>");
            page.Append("</tr>\n");
        }
        page.Append("</table></div>\n");
        foreach (var (name, report) in reports)
            foreach (var note in TableReport.Notes(report)) page.Append($"<p class=\"note\">{Encode(reports.Count > 1 ? $"{name}: {note}" : note)}</p>\n");
    }

    private static IEnumerable<string> Plots(IReadOnlyList<(string Name, ReplayReport Report)> reports)
    {
        PlotSeries[] Each(Func<ReplayReport, IReadOnlyList<CurvePoint>> of, string suffix = "", bool dashed = false) =>
            [.. reports.Select((named, i) => new PlotSeries(named.Name + suffix, i, of(named.Report), dashed))];
        var slo = reports[0].Report.Slo;

        yield return SvgPlot.Lines("Time to first token", "ms", "share of requests", Each(r => r.Curves.Ttft), true, 1, slo.TtftMs);
        yield return SvgPlot.Lines("Time between tokens", "ms", "share of gaps", Each(r => r.Curves.Itl), true, 1, slo.ItlMs);
        yield return SvgPlot.Lines("End to end", "ms", "share of requests", Each(r => r.Curves.E2e), true, 1);
        yield return SvgPlot.Lines("Time to first token over the run", "s", "ms",
            [.. Each(r => Over(r, bucket => bucket.TtftP50Ms), " p50"), .. Each(r => Over(r, bucket => bucket.TtftP90Ms), " p90", true)]);
        yield return SvgPlot.Lines("Answer tokens per second over the run", "s", "tokens/s", Each(r => Over(r, bucket => bucket.TokensPerS)));
        yield return SvgPlot.Lines("Prompt tokens found in cache over the run", "s", "share", Each(r => Over(r, bucket => bucket.CacheHitTokenShare)), false, 1);
        if (reports.Any(named => named.Report.PerInstance.Count > 0)) yield return Load(reports);
    }

    // Runs on different ports are compared by rank: the busiest instance of each stands first.
    private static string Load(IReadOnlyList<(string Name, ReplayReport Report)> reports)
    {
        var most = reports.Max(named => named.Report.PerInstance.Count);
        PlotBars[] groups = [.. reports.Select((named, i) =>
        {
            double[] loads = [.. named.Report.PerInstance.Select(of => (double)(of.PromptTokens + of.CompletionTokens)).OrderDescending()];
            return new PlotBars(named.Name, i, [.. loads, .. new double[most - loads.Length]]);
        })];
        return SvgPlot.Bars("Tokens served by instance, busiest first", "prompt + answer tokens", [.. Enumerable.Range(1, most).Select(rank => $"{rank}")], groups);
    }

    private static void Instances(StringBuilder page, string name, ReplayReport report)
    {
        if (report.PerInstance.Count == 0) return;
        page.Append($"<h2>Instances: {Encode(name)}</h2><div class=\"scroll\"><table><tr><th>instance</th>");
        foreach (var heading in TableReport.InstanceHeadings) page.Append($"<th>{heading}</th>");
        page.Append("</tr>\n");
        foreach (var of in report.PerInstance)
        {
            page.Append($"<tr><td>{Encode(of.Instance)}</td>");
            foreach (var cell in TableReport.InstanceCells(of)) page.Append($"<td>{Encode(cell)}</td>");
            page.Append("</tr>\n");
        }
        page.Append("</table></div>\n");
    }

    private static CurvePoint[] Over(ReplayReport report, Func<TimelineBucket, double?> of) =>
        [.. report.Timeline.Where(bucket => of(bucket) is not null).Select(bucket => new CurvePoint((bucket.FromS + bucket.ToS) / 2, of(bucket)!.Value))];

    public static string Encode(string text) => WebUtility.HtmlEncode(text);
}
