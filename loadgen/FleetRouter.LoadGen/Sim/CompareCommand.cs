using System.CommandLine;
using FleetRouter.LoadGen.Reports;
using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Traces;

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
        PlannedCell planned;
        try { planned = plan.Prepare(); }
        catch (TraceReadException wrong) { throw new UsageException(wrong.Message); }
        using var progress = new RunProgress(quiet);
        return planned.Report(new PolicyComparison(planned.Cell, families, quick, progress.Ran, stop).Run());
    }
}
