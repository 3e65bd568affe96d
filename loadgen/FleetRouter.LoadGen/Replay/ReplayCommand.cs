using System.CommandLine;
using FleetRouter.LoadGen.Client;
using FleetRouter.LoadGen.Reports;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.LoadGen.Replay;

/// <summary>The replay verb: a trace against a gateway, in an open loop on the wall clock.</summary>
internal static class ReplayCommand
{
    public static Command Create()
    {
        var options = new ReplayOptions();
        var command = new Command("replay", "Replay a trace: every request at its instant, follow-ups after the turn they follow. Answers of engine stand-ins (models called sim/…) are checked token by token. Exit code 0 only if no request failed.");
        foreach (var option in options.All) command.Options.Add(option);
        command.SetAction((parsed, _) => Run(options, parsed));
        return command;
    }

    private static async Task<int> Run(ReplayOptions options, ParseResult parsed)
    {
        string? json = parsed.GetValue(options.Json), html = parsed.GetValue(options.Html);
        ReportFile.Try(json);
        ReportFile.Try(html);
        var (trace, sessions) = ReadTrace(options, parsed);
        using var interruption = new Interruption();
        var settings = await Settings(options, parsed, interruption.Stop);

        using var replayer = new Replayer(settings, sessions, TimeProvider.System);
        var run = await ProgressDisplay.Watch(replayer, trace.Name, parsed.GetValue(options.NoProgress), interruption.Stop);

        var facts = new WorkloadFacts(trace.Name, TraceFormats.NameOf(trace.Format), settings.Seed, settings.Speed, parsed.GetValue(options.Endpoint)!,
            settings.Target.Address.ToString(), settings.Target.Model, parsed.GetValue(options.SloTtft).Length.TotalMilliseconds, parsed.GetValue(options.SloItl).Length.TotalMilliseconds);
        var report = ReportFigures.Of(run, facts, trace.Skipped);
        var console = TableReport.Console();
        TableReport.Write(console, (trace.Name, report));
        TableReport.WriteInstances(console, report);
        ReportFile.Write(json, () => JsonReport.Text(report));
        ReportFile.Write(html, () => HtmlReport.Text($"Replay of {trace.Name}", [(trace.Name, report)]));
        return report.Failed > 0 ? ExitCodes.SomeFailed : report.Interrupted ? ExitCodes.Interrupted : ExitCodes.Ok;
    }

    // Read whole before the first request is sent: a malformed line is told at once, not in mid-run.
    private static (Trace Trace, List<TraceSession> Sessions) ReadTrace(ReplayOptions options, ParseResult parsed)
    {
        var format = TraceFormats.Named(parsed.GetValue(options.Format)!);
        var reading = new TraceReading(parsed.GetValue(options.Seed), !parsed.GetValue(options.NoJitter), parsed.GetValue(options.SessionRate), parsed.GetValue(options.MaxThink)?.Length);
        var trace = Trace.Open(parsed.GetValue(options.Trace)!, format, reading);
        List<TraceSession> sessions = [.. TraceSelection.Select(trace.Sessions(), parsed.GetValue(options.Skip) ?? 0, parsed.GetValue(options.Limit) ?? int.MaxValue)];
        return sessions.Count > 0 ? (trace, sessions) : throw new UsageException($"{trace.Name}: no request is left to send; see --skip");
    }

    private static async Task<ReplaySettings> Settings(ReplayOptions options, ParseResult parsed, CancellationToken stop)
    {
        var variable = parsed.GetValue(options.ApiKeyEnv);
        var key = variable is null ? null : Environment.GetEnvironmentVariable(variable)
            ?? throw new UsageException($"the environment has no variable {variable}, which --api-key-env names");
        return new ReplaySettings
        {
            Target = await Target.Find(parsed.GetValue(options.Target)!, parsed.GetValue(options.Model)!, key, stop),
            Endpoint = parsed.GetValue(options.Endpoint) == "chat" ? Endpoint.Chat : Endpoint.Completions,
            ApiKey = key,
            Seed = parsed.GetValue(options.Seed),
            Speed = parsed.GetValue(options.Speed),
            MaxOutput = parsed.GetValue(options.MaxOutput),
            MaxInputTokens = parsed.GetValue(options.MaxInputTokens),
            Timeout = parsed.GetValue(options.Timeout).Length,
        };
    }
}
