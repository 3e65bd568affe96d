using System.Globalization;
using FleetRouter.Simulation.Migrations;

namespace FleetRouter.LoadGen.Sim;

/// <summary>A migration study as text.</summary>
internal static class MigrationText
{
    public static void Write(TextWriter to, MigrationReport report)
    {
        to.WriteLine(Invariant($"{report.Cell}, {report.Policy}: {report.Requests} requests, {report.Seeds} seeds, {report.Instances} engines of {report.KvTokensPerInstance} tokens"));
        to.WriteLine(Invariant($"  SLO capacity {report.CapacityOffRps:0.00}/s off, {report.CapacityOnRps:0.00}/s on ({report.CapacityOnRps / report.CapacityOffRps:0.000})"));
        to.WriteLine($"  {"",-19} {"TTFT mean",9} {"p50",7} {"p99",8} {"ITL p50",8} {"p99",7} {"gap p99",8} {"latency",8} {"p99",8} {"good",7} {"preempted",9} {"moved",6} {"carried",7} {"tokens",7} {"seam p99",8}");
        foreach (MigrationPair pair in report.Loads)
        {
            Line(to, Invariant($"{pair.Load:0.00} ({pair.Off.RateRps:0.00}/s) off"), pair.Off);
            Line(to, "on", pair.On);
        }
        Line(to, "high, unranked", report.Priorities.HighUnranked);
        Line(to, "high", report.Priorities.High);
        Line(to, "normal, unranked", report.Priorities.NormalUnranked);
        Line(to, "normal", report.Priorities.Normal);
        to.WriteLine();
    }

    private static void Line(TextWriter to, string name, MigrationFigures of) => to.WriteLine(Invariant(
        $"  {name,-19} {of.TtftMean,9:0} {of.TtftMs.P50,7:0} {of.TtftMs.P99,8:0} {of.InterTokenMs.P50,8:0.0} {of.InterTokenMs.P99,7:0.0} {of.LongestGapMs.P99,8:0} {of.LatencyMean,8:0} {of.LatencyMs.P99,8:0} {100 * of.GoodShare,5:0.0} % {of.Preemptions,9} {of.Moves,6} {of.CarriedOver,7} {100 * of.MovedTokenShare,5:0.00} % {of.SeamP99Ms,8:0}{(of.Unanswered > 0 ? $"  {of.Unanswered} unanswered" : "")}"));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
