using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using FleetRouter.LoadGen.Reports;
using FleetRouter.Simulation.Comparison;

namespace FleetRouter.LoadGen.Sim;

/// <summary>The compare verb: the SLO capacity of each policy in one cell.</summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        var options = new CompareOptions();
        var command = new Command("compare", "Find the SLO capacity of placement policies on a trace: the highest rate at which nine tenths of the requests meet the promise, the longest tenth of prompts fares as with the best rival, and every request finishes.");
        foreach (var option in options.All) command.Options.Add(option);
        command.SetAction(parsed => Run(options, parsed));
        return command;
    }

    private static int Run(CompareOptions options, ParseResult parsed)
    {
        string? json = parsed.GetValue(options.Json), html = parsed.GetValue(options.Html);
        bool quick = parsed.GetValue(options.IsQuick);
        var families = PolicyList.Of(parsed.GetValue(options.Policies)!, tuned: !quick);
        ReportFile.Try(json);
        ReportFile.Try(html);
        if (parsed.GetValue(options.IsTiming)) return Time(options.Plan(parsed).Prepare(), families);
        using var interruption = new Interruption();
        var report = Compare(options.Plan(parsed), families, quick, parsed.GetValue(options.NoProgress), interruption.Stop);
        CompareTable.Write(TableReport.Console(), report);
        ReportFile.Write(json, () => JsonReport.Text(report));
        ReportFile.Write(html, () => CompareHtml.Text(report));
        return ExitCodes.Ok;
    }

    /// <summary>Prepares a cell, runs everybody through it, and puts what was found into figures.</summary>
    public static ComparisonReport Compare(CellPlan plan, IReadOnlyList<Family> families, bool quick, bool quiet, CancellationToken stop)
    {
        PlannedCell planned = plan.Prepare();
        using var progress = new RunProgress(quiet);
        return planned.Report(new PolicyComparison(planned.Cell, families, quick, progress.Ran, stop).Run());
    }

    private static int Time(PlannedCell planned, IReadOnlyList<Family> families)
    {
        var scale = new RateScale(planned.Cell.Workload);
        int step = scale.StepFor(WorkingSet.EstimatedRate(planned.Cell.Workload, planned.Cell.Profile, planned.Cell.Instances));
        foreach (Family family in families)
        {
            var watch = Stopwatch.StartNew();
            TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
            RunScore score = family.Variants[0].Run(planned.Cell, scale.PaceAt(step));
            TimeSpan computed = Process.GetCurrentProcess().TotalProcessorTime - before;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{family.Name}: {planned.Cell.Workload.All.Count} requests on {planned.Cell.Instances} instances at {scale.RateAt(step):0.00}/s in {watch.Elapsed.TotalSeconds:0.00} s, {computed.TotalSeconds:0.00} s of CPU; {score.GoodShare:0.000} good"));
        }
        return ExitCodes.Ok;
    }
}
