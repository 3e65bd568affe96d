using System.Globalization;
using FleetRouter.LoadGen.Measures;
using Spectre.Console;

namespace FleetRouter.LoadGen.Reports;

/// <summary>Reports as tables on the terminal; several side by side, one column each.</summary>
internal static class TableReport
{
    /// <summary>Stdout; wide enough for every table where it is no terminal.</summary>
    public static IAnsiConsole Console()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings());
        if (System.Console.IsOutputRedirected) console.Profile.Width = 120;
        return console;
    }

    public static void Write(IAnsiConsole console, params IReadOnlyList<(string Name, ReplayReport Report)> reports)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("");
        foreach (var (name, _) in reports) table.AddColumn(new TableColumn(Markup.Escape(name)).RightAligned());
        foreach (var (label, value) in Rows())
            table.AddRow([new Text(label), .. reports.Select(named => new Text(value(named.Report)))]);
        console.Write(table);
        // Notes go out as they are: a console without a width of its own would break long lines.
        foreach (var (name, report) in reports)
            foreach (var note in Notes(report)) console.Profile.Out.Writer.WriteLine(reports.Count > 1 ? $"{name}: {note}" : note);
    }

    public static readonly IReadOnlyList<string> InstanceHeadings = ["requests", "failed", "prompt tok", "cached", "answer tok", "TTFT p50", "p99"];

    public static string[] InstanceCells(InstanceReport of) =>
    [
        $"{of.Requests}", $"{of.Failed}", $"{of.PromptTokens}", Share(of.PromptTokens == 0 ? null : (double)of.CachedTokens / of.PromptTokens),
        $"{of.CompletionTokens}", Ms(of.TtftP50Ms), Ms(of.TtftP99Ms),
    ];

    /// <summary>What each instance served.</summary>
    public static void WriteInstances(IAnsiConsole console, ReplayReport report)
    {
        if (report.PerInstance.Count == 0) return;
        var table = new Table().Border(TableBorder.Rounded).AddColumn("instance");
        foreach (var heading in InstanceHeadings) table.AddColumn(new TableColumn(heading).RightAligned());
        foreach (var of in report.PerInstance) table.AddRow([Markup.Escape(of.Instance), .. InstanceCells(of)]);
        console.Write(table);
    }

    /// <summary>The figures to show, in order.</summary>
    public static IEnumerable<(string Label, Func<ReplayReport, string> Value)> Rows() =>
    [
        ("requests: completed / failed", report => $"{report.Completed} / {report.Failed}"),
        ("duration", report => Invariant($"{report.DurationS:0.0} s")),
        ("offered / completed", report => $"{Rate(report.OfferedRps)} / {Rate(report.CompletedRps)}"),
        ("TTFT p50 / p90 / p99", report => Latency(report.TtftMs)),
        ("inter-token p50 / p90 / p99", report => Latency(report.ItlMs)),
        ("end to end p50 / p90 / p99", report => Latency(report.E2eMs)),
        ("goodput (both SLOs met)", report => Invariant($"{Rate(report.GoodputRps)} ({Share(report.Slo.MetShare)})")),
        ("prompt tokens / answer tokens", report => $"{report.PromptTokens} / {report.CompletionTokens}"),
        ("answer tokens per second", report => Invariant($"{report.TokensPerS:0}")),
        ("prompt tokens found in cache", report => Share(report.CacheHitTokenShare)),
        ("load CV across instances", report => report.LoadCv is { } cv ? Invariant($"{cv:0.00}") : "-"),
        ("sender late p50 / p90 / p99", report => Latency(report.SenderLatenessMs)),
    ];

    /// <summary>What the figures do not say: failures, what was not sent, warnings.</summary>
    public static IEnumerable<string> Notes(ReplayReport report) =>
    [
        .. report.FailuresByKind.Select(kind => $"failed: {kind.Value} x {kind.Key}"),
        .. report.Abandoned > 0 ? [$"not sent: {report.Abandoned} turns after a failed one"] : Array.Empty<string>(),
        .. report.Unfinished > 0 ? [$"given up in flight at the early end: {report.Unfinished}"] : Array.Empty<string>(),
        .. report.Skipped.Select(reason => $"skipped: {reason.Value} x {reason.Key}"),
        .. report.Warnings.Select(warning => $"warning: {warning}"),
    ];

    private static string Latency(LatencySummary? of) => of is null ? "-" : $"{Ms(of.P50)} / {Ms(of.P90)} / {Ms(of.P99)}";

    internal static string Ms(double? milliseconds) => milliseconds switch
    {
        null => "-",
        < 10 => Invariant($"{milliseconds:0.0} ms"),
        < 10_000 => Invariant($"{milliseconds:0} ms"),
        _ => Invariant($"{milliseconds / 1000:0.0} s"),
    };

    private static string Rate(double? perSecond) => perSecond is null ? "-" : Invariant($"{perSecond:0.00}/s");

    private static string Share(double? share) => share is null ? "-" : Invariant($"{share * 100:0.0} %");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
