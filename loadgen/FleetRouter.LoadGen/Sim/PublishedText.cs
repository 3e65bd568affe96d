using System.Globalization;
using FleetRouter.Simulation.Claims;

namespace FleetRouter.LoadGen.Sim;

/// <summary>An experiment as text.</summary>
internal static class PublishedText
{
    public static void Write(TextWriter to, ExperimentReport report)
    {
        to.WriteLine($"{report.Name}: {report.Setting}");
        foreach (string fact in report.Facts) to.WriteLine(fact);
        to.WriteLine($"  {"claim",-52} {"published",18} {"here, best",11} {"at",8} {"least",9} {"ratio",6}");
        foreach (ClaimFigure figure in report.Figures)
        {
            to.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {figure.Claim,-52} {Published(figure),18} {figure.Text(figure.Best),11} {figure.BestRate,6:0.00}/s {figure.Text(figure.Least),9} {figure.RatioToPublished,6:0.00}"));
            if (figure.Why is { } why) to.WriteLine($"    {why}");
        }
        to.WriteLine($"  {"run",-20} {"rate",8} {"in time",8} {"TTFT mean",10} {"p50",8} {"p90",8} {"TPOT",6} {"latency",8} {"p99",8} {"cached",7} {"tok/s in SLO",12}");
        foreach (ClaimRun run in report.Runs)
            to.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {run.Entrant,-20} {run.Rate,6:0.00}/s {100 * run.InTimeShare,6:0.0} % {run.MeanTtft,7:0} ms {run.TtftP50,8:0} {run.TtftP90,8:0} {run.MeanTpot,6:0.0} {run.MeanLatency,8:0} {run.LatencyP99,8:0} {100 * run.HitShare,5:0.0} % {run.TokensPerSecondInSlo,12:0}{(run.Unanswered > 0 ? $"  {run.Unanswered} unanswered" : "")}"));
        to.WriteLine();
    }

    /// <summary>The published gain, or its range.</summary>
    public static string Published(ClaimFigure figure) => figure.Published == figure.PublishedMost
        ? figure.Text(figure.Published)
        : $"{figure.Text(figure.Published).Replace(" %", "", StringComparison.Ordinal)} to {figure.Text(figure.PublishedMost)}";
}
