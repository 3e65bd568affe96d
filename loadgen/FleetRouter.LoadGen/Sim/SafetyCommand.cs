using System.CommandLine;
using System.Diagnostics;
using FleetRouter.LoadGen.Reports;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Safety;

namespace FleetRouter.LoadGen.Sim;

/// <summary>The sim safety verb: many seeds of small fleets in which everything fails, the pool's promises checked at every event.</summary>
internal static class SafetyCommand
{
    private const int ViolationsShown = 5;

    private sealed record SafetyReport(
        ulong FirstSeed, int Seeds, long Events, int Moves, int Migrations, int Hedges, int Resumes, double Seconds, IReadOnlyDictionary<string, int> SeedsByPolicy,
        IReadOnlyDictionary<string, int> RequestsByEnd, int ViolatingSeeds, IReadOnlyList<string> Violations);

    public static Command Create()
    {
        var seeds = OptionKinds.UpTo(10_000_000, "--seeds", "Number of seeds, 1 to 10,000,000.", 1000);
        var first = new Option<ulong>("--first-seed") { Description = "The first seed; the others follow it.", DefaultValueFactory = _ => 1 };
        var json = OptionKinds.JsonFile();
        var command = new Command("safety", "Run small random fleets with joins, leaves, crashes, stalls, shedding, lying metrics and drains, broken answers and impatient clients under every policy, and check at every event that no lease leaks, nothing is placed on an instance known gone, every bound holds, every answer that broke goes on and every request ends. Exit code 0 only if no seed breaks a promise.")
        {
            seeds, first, json,
        };
        command.SetAction(parsed => Run(parsed.GetValue(first), parsed.GetValue(seeds), parsed.GetValue(json)));
        return command;
    }

    private static int Run(ulong first, int seeds, string? json)
    {
        ReportFile.Try(json);
        using var interruption = new Interruption();
        var took = Stopwatch.StartNew();
        var runs = new SafetyRun[seeds];
        Parallel.For(0, seeds, new ParallelOptions { CancellationToken = interruption.Stop }, i => runs[i] = SafetyRun.Of(first + (ulong)i));
        List<string> violations = [.. runs.Where(run => run.Violation is not null).Select(run => run.Violation!)];
        var report = new SafetyReport(first, seeds, runs.Sum(run => run.Events), runs.Sum(run => run.Moves), runs.Sum(run => run.Migrations), runs.Sum(run => run.Hedges), runs.Sum(run => run.Resumes), took.Elapsed.TotalSeconds,
            runs.GroupBy(run => run.Policy).OrderBy(group => group.Key, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Count()),
            Enum.GetValues<OutcomeKind>().ToDictionary(kind => kind.ToString(), kind => runs.Sum(run => run.Ends.GetValueOrDefault(kind))),
            violations.Count, [.. violations.Take(ViolationsShown)]);

        foreach (string violation in report.Violations) Console.WriteLine(violation + "\n");
        Console.WriteLine(FormattableString.Invariant($"{seeds:n0} seeds from {first}, {report.Events:n0} events, {report.Moves:n0} moves, {report.Migrations:n0} carried over, {report.Hedges:n0} asked twice, {report.Resumes:n0} resumed, {report.Seconds:0.0} s"));
        Console.WriteLine($"seeds by policy:   {string.Join(", ", report.SeedsByPolicy.Select(pair => $"{pair.Key} {pair.Value}"))}");
        Console.WriteLine($"requests by end:   {string.Join(", ", report.RequestsByEnd.Select(pair => FormattableString.Invariant($"{pair.Key} {pair.Value:n0}")))}");
        Console.WriteLine(violations.Count == 0 ? "every promise was kept" : $"{violations.Count} seeds broke a promise; the first {report.Violations.Count} are shown above");
        ReportFile.Write(json, () => JsonReport.Text(report));
        return violations.Count == 0 ? ExitCodes.Ok : ExitCodes.SomeFailed;
    }
}
