using System.CommandLine;
using FleetRouter.LoadGen.Replay;
using FleetRouter.LoadGen.Reports;
using FleetRouter.Simulation.Traces;

namespace FleetRouter.LoadGen.Demo;

/// <summary>The demo verb: one workload under two policies, each on a fresh fleet, side by side.</summary>
internal static class DemoCommand
{
    private static readonly string[] Policies = ["round-robin", "least-cost"];
    private static readonly TimeSpan SloTtft = TimeSpan.FromMilliseconds(500), SloItl = TimeSpan.FromMilliseconds(100);

    private sealed record DemoReport(string Workload, IReadOnlyList<DemoRun> Runs);

    private sealed record DemoRun(string Policy, ReplayReport Report);

    public static Command Create()
    {
        var engines = OptionKinds.UpTo(64, "--engines", "Number of engine stand-ins (1 to 64); the load grows with it.", DemoWorkload.Engines);
        var duration = Duration.Option("--duration", "For how long each run starts conversations; the last ones end later.", TimeSpan.FromSeconds(20));
        var seed = OptionKinds.SeedOf("the conversations");
        var json = OptionKinds.JsonFile();
        var html = OptionKinds.HtmlFile();
        var noProgress = OptionKinds.WithoutProgress();
        var command = new Command("demo", "Run one conversation workload on this machine under round-robin and under least-cost, each on fresh engine stand-ins, and show both side by side. Exit code 0 only if no request failed.")
        {
            engines, duration, seed, json, html, noProgress,
        };
        command.SetAction((parsed, _) => Run(parsed.GetValue(engines), parsed.GetValue(duration).Length, parsed.GetValue(seed),
            parsed.GetValue(json), parsed.GetValue(html), parsed.GetValue(noProgress)));
        return command;
    }

    private static async Task<int> Run(int engines, TimeSpan duration, ulong seed, string? json, string? html, bool noProgress)
    {
        ReportFile.Try(json);
        ReportFile.Try(html);
        using var interruption = new Interruption();
        var sessions = DemoWorkload.Sessions(engines, duration, seed);
        var workload = Describe(engines, sessions);
        Console.WriteLine(workload);

        var reports = new List<(string Name, ReplayReport Report)>();
        foreach (var policy in Policies)
        {
            reports.Add((policy, await Replay(policy, engines, sessions, seed, noProgress, interruption.Stop)));
            if (interruption.Stop.IsCancellationRequested) break;
        }

        TableReport.Write(TableReport.Console(), reports);
        ReportFile.Write(json, () => JsonReport.Text(new DemoReport(workload, [.. reports.Select(named => new DemoRun(named.Name, named.Report))])));
        ReportFile.Write(html, () => HtmlReport.Text("One workload under two policies", reports));
        return reports.Any(named => named.Report.Failed > 0) ? ExitCodes.SomeFailed
            : interruption.Stop.IsCancellationRequested ? ExitCodes.Interrupted : ExitCodes.Ok;
    }

    private static async Task<ReplayReport> Replay(string policy, int engines, List<TraceSession> sessions, ulong seed, bool noProgress, CancellationToken stop)
    {
        await using var fleet = await DemoFleet.Start(policy, SloTtft, DemoWorkload.StandIns(engines), stop);
        using var replayer = new Replayer(new ReplaySettings { Target = fleet.Target, Seed = seed, Timeout = TimeSpan.FromSeconds(120) }, sessions, TimeProvider.System);
        var run = await ProgressDisplay.Watch(replayer, policy, noProgress, stop);
        if (fleet.Trouble() is { } trouble) throw new UsageException(trouble);
        var facts = new WorkloadFacts("synthetic conversations", "synthetic", seed, 1, "chat", fleet.Target.Address.ToString(), fleet.Target.Model,
            SloTtft.TotalMilliseconds, SloItl.TotalMilliseconds) { KnownInstances = fleet.Instances };
        return ReportFigures.Of(run, facts, new Dictionary<string, int>());
    }

    private static string Describe(int engines, List<TraceSession> sessions)
    {
        var requests = sessions.SelectMany(session => session.Turns).ToList();
        return FormattableString.Invariant(
            $"{engines} engine stand-ins ({DemoWorkload.EngineProfile}, {DemoWorkload.KvBlocks * 16:n0} tokens of KV cache each); {sessions.Count} conversations under a few shared system prompts, {requests.Count:n0} requests, mean prompt {requests.Average(request => request.PromptTokens):n0} tokens, mean answer {requests.Average(request => request.OutputTokens):n0}.");
    }
}
