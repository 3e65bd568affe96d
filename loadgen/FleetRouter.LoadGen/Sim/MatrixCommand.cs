using System.CommandLine;
using System.Globalization;
using FleetRouter.Simulation.Comparison;

namespace FleetRouter.LoadGen.Sim;

/// <summary>The matrix verb: compare in many cells, in pieces if need be.</summary>
internal static class MatrixCommand
{
    public static Command Create()
    {
        var options = new MatrixOptions();
        var command = new Command("matrix", "Compare policies in many cells: traces x instances x KV capacities x promises x profiles. Run again with the same file, it goes on where it stopped.");
        foreach (var option in options.All) command.Options.Add(option);
        command.SetAction(parsed => Run(options, parsed));
        return command;
    }

    private static int Run(MatrixOptions options, ParseResult parsed)
    {
        bool quick = parsed.GetValue(options.IsQuick), quiet = parsed.GetValue(options.NoProgress);
        var families = PolicyList.Of(parsed.GetValue(options.Policies)!, tuned: !quick);
        var plans = options.Plans(parsed);
        var file = MatrixFile.Open(parsed.GetValue(options.Json)!);
        using var interruption = new Interruption();
        for (int i = 0; i < plans.Count; i++)
        {
            if (file.Has(plans[i])) continue;
            ComparisonReport report = CompareCommand.Compare(plans[i], families, quick, quiet, interruption.Stop);
            file.Add(report);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{i + 1} of {plans.Count}: {MatrixSummary.NameOf(report)}: {report.RatioToBestRival:0.000} of {report.BestRival ?? "no rival"}, overload {report.OverloadGoodputRatio:0.00}"));
        }
        Say("of the best rival", file.Summary.RatioToBestRival);
        Say("goodput in overload", file.Summary.OverloadGoodputRatio);
        Say("of clairvoyant", file.Summary.RatioToClairvoyant);
        Say("of shared-cache", file.Summary.RatioToSharedCache);
        return ExitCodes.Ok;
    }

    private static void Say(string what, RatioSummary? of) => Console.WriteLine(of is null ? $"{what}: not compared" : string.Create(CultureInfo.InvariantCulture,
        $"{what}: {of.GeometricMean:0.000} in the geometric mean of {of.Cells} cells, least {of.Least:0.000} ({of.LeastIn})"));
}
