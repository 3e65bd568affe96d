using System.CommandLine;
using FleetRouter.LoadGen.Reports;
using FleetRouter.Simulation.Claims;

namespace FleetRouter.LoadGen.Sim;

/// <summary>The sim published verb: what papers claim of their policies, beside what the simulator finds in their settings.</summary>
internal static class PublishedCommand
{
    private sealed record Settings(string? Traces, int? Requests, ulong Seed, bool NoProgress);

    public static Command Create()
    {
        var traces = new Option<string?>("--traces") { Description = "Folder of mooncake_conversation*.jsonl.gz and claude_code*.jsonl.gz. Without it, or without a file, the experiments on it are left out, and said to be.", HelpName = "FOLDER" };
        var requests = OptionKinds.Count("--requests", "Requests of each experiment at most (1 or more). Default: as many as its figures need, 2,000 to 6,000.");
        var seed = OptionKinds.SeedOf("texts, jitter, session starts and probes");
        var json = OptionKinds.JsonFile();
        var noProgress = OptionKinds.WithoutProgress();
        var command = new Command("published", "Set what papers claim of their placement policies beside what the simulator finds in their own settings, each over several rates, with every run's figures and why the two differ where they do.")
        {
            traces, requests, seed, json, noProgress,
        };
        command.SetAction(parsed => Run(new Settings(parsed.GetValue(traces), parsed.GetValue(requests), parsed.GetValue(seed), parsed.GetValue(noProgress)), parsed.GetValue(json)));
        return command;
    }

    private static int Run(Settings settings, string? json)
    {
        ReportFile.Try(json);
        if (settings.Traces is { } folder && !Directory.Exists(folder))
            throw new UsageException($"--traces: there is no folder {folder}; name the one that holds the traces");
        using var interruption = new Interruption();
        using var progress = new RunProgress(settings.NoProgress);
        var reports = new List<ExperimentReport>();
        foreach (ClaimPlan plan in PublishedClaims.All)
        {
            string? path = plan.Trace is null ? null : Find(settings.Traces, plan.Trace);
            if (plan.Trace is not null && path is null)
            {
                Console.WriteLine($"{plan.Name}: left out, there is no {plan.Trace}*.jsonl.gz in {settings.Traces ?? "--traces"}\n");
                continue;
            }
            reports.Add(plan.Prepare(path, settings.Requests, settings.Seed).Run(progress.Ran, interruption.Stop));
            PublishedText.Write(Console.Out, reports[^1]);
        }
        ReportFile.Write(json, () => JsonReport.Text(reports));
        return ExitCodes.Ok;
    }

    private static string? Find(string? folder, string beginning) =>
        folder is null ? null : Directory.GetFiles(folder, beginning + "*.jsonl*").Order(StringComparer.Ordinal).FirstOrDefault();
}
