using System.CommandLine;
#if ORLEANS
using FleetRouter.Benchmarks.Overhead;
using FleetRouter.LoadGen.Demo;
using FleetRouter.Storage;
#endif

namespace FleetRouter.Benchmarks.Cluster;

/// <summary><c>bench cluster</c>: what a decision costs through the cluster's pool, here and on another silo, beside the embedded mailbox.</summary>
internal static class ClusterCommand
{
    private const string Description = """
        Measure decisions through a pool of the cluster, interleaved in one run with the same pool in this process's own mailbox. Two gateways
        on one PostgreSQL, this process and another; 16 engines in name only; policy least-cost; each request is placed, tells its first
        token, and ends. Cells: embedded (the mailbox), local (the pool's grain is on the asking gateway's silo), remote (on the other's),
        both (two gateways at once, one local, one remote). Each with requests at a fixed rate, timed from the instant they were due, and
        with 64 callers that ask again as soon as they are answered.

        Exit code 0 only if 99 of 100 remote decisions at the rate are there within 1 ms, in remote and in both. A request placed by a
        gateway's fallback, because the pool did not answer within its budget of 25 ms, is no decision of the pool: it counts as slower
        than all else. Needs PostgreSQL installed (Debian: postgresql) and two idle cores: other programs' share is told.

        --json writes: prompts, mean_prompt_tokens, rate, window_seconds, rounds, cores, figures[{cell, gateway, loop, decisions,
        per_second, p50_us, p99_us, p999_us, late_p99_us, fallbacks, refused}], costs[{cell, loop, cpu_us_per_decision,
        bytes_per_decision, foreign_cpu_share}] and reach[{name, figure, bound, holds}]. A figure is {median, min, max} over the rounds;
        "Infinity" where too many requests were not placed by the pool.
        """;

    public static Command Command()
    {
        var json = new Option<FileInfo?>("--json") { Description = "Write the figures to this file.", HelpName = "FILE" };
        var seconds = new Option<double>("--seconds") { Description = "Length of each of the 40 counted windows, 0.5 to 60.", HelpName = "N", DefaultValueFactory = _ => 2 };
        var rate = new Option<double>("--rate") { Description = "Decisions a second over all gateways, 100 to 100000.", HelpName = "N", DefaultValueFactory = _ => 5_000 };
        seconds.Validators.Add(InRange(seconds, 0.5, 60));
        rate.Validators.Add(InRange(rate, 100, 100_000));
        var command = new Command("cluster", Description) { json, seconds, rate };
        command.SetAction((parsed, stop) => RunAsync(parsed.GetValue(json), parsed.GetValue(seconds), parsed.GetValue(rate), stop));
        return command;
    }

#if ORLEANS
    private static async Task<int> RunAsync(FileInfo? json, double seconds, double rate, CancellationToken stop)
    {
        if (LocalPostgres.Programs is null)
            return Fail(LocalPostgres.NotInstalled);
        try
        {
            ClusterReport report = await new ClusterRun(seconds, rate, Console.Out).MeasureAsync(stop);
            report.Print(Console.Out);
            if (json is not null)
                await File.WriteAllTextAsync(json.FullName, report.ToJson() + "\n", stop);
            return report.Reach.All(r => r.Holds) ? 0 : 1;
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or UnauthorizedAccessException or TimeoutException or DatabaseException)
        {
            return Fail(e.Message.ReplaceLineEndings(" "));
        }
        catch (OperationCanceledException)
        {
            return Fail("stopped");
        }
    }
#else
    private static Task<int> RunAsync(FileInfo? json, double seconds, double rate, CancellationToken stop) =>
        Task.FromResult(Fail("this build has no cluster: no NuGet source it was built from has Orleans; build where the packages restore"));
#endif

    private static int Fail(string message)
    {
        Console.Error.WriteLine("fleet bench cluster: " + message);
        return 1;
    }

    private static Action<System.CommandLine.Parsing.OptionResult> InRange(Option<double> option, double least, double most) => result =>
    {
        if (!(result.GetValueOrDefault<double>() is var value && value >= least && value <= most))
            result.AddError($"{option.Name}: give a number from {least} to {most}");
    };
}
