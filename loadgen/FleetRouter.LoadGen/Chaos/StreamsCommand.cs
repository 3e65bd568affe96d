using System.CommandLine;
using FleetRouter.LoadGen.Reports;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>The chaos streams verb: no token is lost while engines fail.</summary>
internal static class StreamsCommand
{
    public static Command Create()
    {
        var streams = OptionKinds.UpTo(1_000_000, "--streams", "Requests to send and judge.", 5000);
        var concurrency = OptionKinds.UpTo(10_000, "--concurrency", "Requests at once.", 48);
        var engines = OptionKinds.UpTo(64, "--engines", "Engine stand-ins, 1 to 64; at most three are out of service at once.", 8);
        var timeScale = OptionKinds.Positive("--time-scale", "Engine seconds in a second of the wall clock. At 1 the gaps are those of real engines; below, a small machine has time for more requests at once.", 1);
        var seed = OptionKinds.SeedOf("requests and faults");
        var faultless = new Option<bool>("--no-faults") { Description = "Let nothing fail: what is not right then is no fault's doing." };
        var only = new Option<int?>("--only") { Description = "Send this one request instead, its answer cut at every token in turn.", HelpName = "NUMBER" };
        only.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() < 0) result.AddError("--only takes the number of a request, 0 and up");
        });
        var json = OptionKinds.JsonFile();
        var noProgress = OptionKinds.WithoutProgress();
        var command = new Command("streams", """
            Send requests of every kind to a gateway in front of engine stand-ins while these are killed, restarted, stalled, drained, slowed,
            made to answer 503 or half an answer, at random from a seed, also exactly where an answer ends; hold every token of every answer
            against what the stand-ins must say, and every chunk against the protocol. The faults are dense, so the pool may try a request on 8
            instances and without a budget of retries or ejections (maxAttempts 8, retryBudget 10, maxEjectedShare 0), and the gateway gives an
            engine up that is silent for 30 s (activityTimeout); all else is at its default. Exit code 0 only if no token is lost, doubled or
            wrong, no client saw an error, nothing was malformed or left over, and enough answers were resumed.
            """)
        {
            streams, concurrency, engines, timeScale, seed, faultless, only, json, noProgress,
        };
        command.SetAction((parsed, _) => Run(new StreamsSettings(parsed.GetValue(streams), parsed.GetValue(concurrency), parsed.GetValue(engines),
            parsed.GetValue(timeScale), parsed.GetValue(seed), !parsed.GetValue(faultless), parsed.GetValue(noProgress)), parsed.GetValue(only), parsed.GetValue(json)));
        return command;
    }

    private static async Task<int> Run(StreamsSettings settings, int? only, string? json)
    {
        ReportFile.Try(json);
        using var interruption = new Interruption();
        if (only is { } number) return await new SeamSweep(settings, number).Run(interruption.Stop) ? ExitCodes.Ok : ExitCodes.SomeFailed;
        var report = await new StreamsRun(settings).Run(interruption.Stop);
        report.Write();
        ReportFile.Write(json, () => JsonReport.Text(report));
        return interruption.Stop.IsCancellationRequested ? ExitCodes.Interrupted : report.Holds ? ExitCodes.Ok : ExitCodes.SomeFailed;
    }
}
