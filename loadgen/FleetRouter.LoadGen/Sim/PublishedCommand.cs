using System.CommandLine;
using FleetRouter.LoadGen.Reports;
using FleetRouter.Simulation.Claims;
using FleetRouter.Simulation.Traces;

namespace FleetRouter.LoadGen.Sim;

internal static class PublishedCommand
{
    public static Command Create()
    {
        var traces = new Option<string>("--traces") { Required = true, HelpName = "FOLDER" };
        var requests = OptionKinds.Count("--requests", "x");
        var command = new Command("published", "x") { traces, requests };
        command.SetAction(parsed =>
        {
            using var interruption = new Interruption();
            using var progress = new RunProgress(false);
            var trace = Trace.Open(Path.Combine(parsed.GetValue(traces)!, "mooncake_conversation_0-40min.jsonl.gz"), null, new TraceReading(1));
            var r = DualMapClaims.Conversation(trace.Sessions(), parsed.GetValue(requests) ?? 4000, 1).Run(progress.Ran, interruption.Stop);
            Console.WriteLine(string.Join("\n", r.Facts));
            foreach (var f in r.Figures) Console.WriteLine($"{f.Claim,-50} {f.As,-20} {f.PublishedLeast:0.00}-{f.PublishedMost:0.00} best {f.Best:0.00} at {f.BestRate:0.00} least {f.Least:0.00} ratio {f.RatioToPublished:0.00}");
            foreach (var x in r.Runs) Console.WriteLine($"{x.Entrant,-30} {x.Rate,6:0.00} in {x.InTimeShare:0.000} tps {x.TokensPerSecondInSlo:0} ttft {x.MeanTtft:0} {x.TtftP50:0} {x.TtftP90:0} tpot {x.MeanTpot:0.0} lat {x.MeanLatency:0} {x.LatencyP99:0} hit {x.HitShare:0.000} cv {x.LoadVariation:0.00} un {x.Unanswered}");
            return 0;
        });
        return command;
    }
}
