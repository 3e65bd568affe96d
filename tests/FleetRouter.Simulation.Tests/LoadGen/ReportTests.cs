using System.Text.RegularExpressions;
using System.Xml.Linq;
using FleetRouter.LoadGen.Measures;
using FleetRouter.LoadGen.Replay;
using FleetRouter.LoadGen.Reports;

namespace FleetRouter.Simulation.Tests.LoadGen;

public class ReportTests
{
    private static TimeSpan Ms(double milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    private static RequestRecord Record(double at, double ttft, double tpot, int tokens, string instance, string? failure = null) => new()
    {
        Scheduled = Ms(at), Sent = Ms(at + 1), FirstToken = failure is null ? Ms(at + ttft) : null, LastToken = Ms(at + ttft + tpot * (tokens - 1)),
        End = Ms(at + ttft + tpot * tokens), PromptTokens = 100, CachedTokens = 25, CompletionTokens = tokens, TextChunks = tokens, Instance = instance, Failure = failure,
    };

    private static ReplayReport Report(params RequestRecord[] records)
    {
        var run = new ReplayRun { Total = records.Length, Duration = TimeSpan.FromSeconds(10) };
        foreach (var record in records) run.Add(record);
        return ReportFigures.Of(run, new WorkloadFacts("t", "f", 1, 2, "chat", "http://x/", "m", 500, 50) { KnownInstances = ["c:1"] }, new Dictionary<string, int> { ["rows"] = 3 });
    }

    [Fact]
    public void The_figures_follow_from_the_records()
    {
        var report = Report(
            Record(0, 100, 10, 11, "a:1"), Record(1000, 400, 60, 11, "a:1"), Record(2000, 600, 10, 11, "b:1"), Record(4000, 50, 50, 11, "b:1"), Record(5000, 9, 9, 1, "b:1", "http_503"));
        Assert.Equal((5, 4, 1), (report.Requests, report.Completed, report.Failed));
        Assert.Equal((100, 600.0), (report.TtftMs!.P50, report.TtftMs.Max));
        Assert.Equal(2, report.Slo.Met);
        Assert.Equal(0.4, report.Slo.MetShare);
        Assert.Equal(0.2, report.GoodputRps);
        Assert.Equal(0.8, report.OfferedRps);
        Assert.Equal((400, 100, 44), (report.PromptTokens, report.CachedTokens, report.CompletionTokens));
        Assert.Equal(0.25, report.CacheHitTokenShare);
        // Loads 222, 222 and the known but idle 0: mean 148, deviation 104.65.
        Assert.Equal(Math.Sqrt(0.5), report.LoadCv!.Value, 10);
        Assert.Equal(["a:1", "b:1", "c:1"], report.PerInstance.Select(instance => instance.Instance));
        Assert.Equal(3, report.Skipped["rows"]);
        Assert.Equal(1, report.FailuresByKind["http_503"]);
        Assert.Equal(44, report.Timeline.Sum(bucket => bucket.TokensPerS * (bucket.ToS - bucket.FromS)), 6);
        Assert.Equal(1, report.SenderLatenessMs!.P99);
        Assert.Empty(report.Warnings);
    }

    [Fact]
    public void A_run_of_which_nothing_completed_has_no_latencies_and_no_shares()
    {
        var report = Report(Record(0, 1, 1, 1, RequestRecord.UnknownInstance, "connect"));
        Assert.Null(report.TtftMs);
        Assert.Null(report.ItlMs);
        Assert.Null(report.CacheHitTokenShare);
        Assert.Null(report.OfferedRps);
        Assert.Equal(0, report.GoodputRps);
        Assert.Contains("\"ttft_ms\": null", JsonReport.Text(report));
        Assert.Contains("</html>", HtmlReport.Text("t", [("x", report)]));
    }

    [Fact]
    public void A_late_sender_and_missing_usage_are_warned_of()
    {
        var late = Record(0, 100, 10, 11, RequestRecord.UnknownInstance);
        late.Sent = Ms(80);
        (late.PromptTokens, late.CachedTokens, late.CompletionTokens) = (null, null, null);
        Assert.Equal(4, Report(late).Warnings.Count);
        Assert.Contains("p99 80 ms", Report(late).Warnings[0]);
    }

    [Fact]
    public void The_page_stands_alone_and_its_plots_are_well_formed()
    {
        var report = Report([.. Enumerable.Range(0, 50).Select(i => Record(i * 200, 50 + i, 10, 11, i % 2 == 0 ? "a:1" : "b<&>:1"))]);
        var page = HtmlReport.Text("A <title> & more", [("round-robin", report), ("dual-hash", report)]);
        Assert.DoesNotMatch("(src|href)=|@import|url\\(|<script", page);
        Assert.Contains("A &lt;title&gt; &amp; more", page);
        Assert.Contains("prefers-color-scheme: dark", page);
        var plots = Regex.Matches(page, "<svg.*?</svg>", RegexOptions.Singleline).Select(match => XElement.Parse(match.Value)).ToList();
        Assert.Equal(7, plots.Count);
        foreach (var line in plots.SelectMany(plot => plot.Elements("polyline")))
            Assert.All(line.Attribute("points")!.Value.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries), number => Assert.InRange(double.Parse(number), 0, 520));
        Assert.Equal(2, plots[0].Elements("polyline").Count());
        Assert.Equal(4, plots[3].Elements("polyline").Count());
        Assert.Equal(6, plots[6].Elements("rect").Count());
    }
}
