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
            string only = Environment.GetEnvironmentVariable("ONLY") ?? "";
            string folder = parsed.GetValue(traces)!;
            IEnumerable<FleetRouter.Simulation.Traces.TraceSession> T(string name) => Trace.Open(Path.Combine(folder, name), null, new TraceReading(1, LongestThinkTime: TimeSpan.FromSeconds(120))).Sessions();
            int n = parsed.GetValue(requests) ?? 4000;
            var all = new (string, Func<Experiment>)[] {
                ("dm1", () => DualMapClaims.Conversation(T("mooncake_conversation_0-40min.jsonl.gz"), n, 1)),
                ("dm2", () => DualMapClaims.PrefillAlone(T("mooncake_conversation_0-40min.jsonl.gz"), n, 1)),
                ("lm1", () => LMetricClaims.LMetric("chat", T("mooncake_conversation_0-40min.jsonl.gz"), n, 1)),
                ("lm2", () => LMetricClaims.LMetric("coding agents", T("claude_code_sessions.jsonl.gz"), n, 1)),
                ("sm1", () => LMetricClaims.SMetric("chat", T("mooncake_conversation_0-40min.jsonl.gz"), n, 1)),
                ("sm2", () => LMetricClaims.SMetric("coding agents", T("claude_code_sessions.jsonl.gz"), n, 1)),
                ("sm3", () => LMetricClaims.SMetric("lmc agents", T("lmcache_agent_miniswe.jsonl.gz"), n, 1)),
                ("pr1", () => PrebleClaims.Tools(n, 1)),
                ("pr2", () => PrebleClaims.Videos(n, 1)),
            };
            foreach (var (key, e) in all.Where(x => x.Item1.StartsWith(only)))
            {
            var watch = System.Diagnostics.Stopwatch.StartNew();
            var r = e().Run(progress.Ran, interruption.Stop);
            Console.WriteLine(r.Name + " " + watch.Elapsed);
            Console.WriteLine(string.Join("\n", r.Facts));
            foreach (var f in r.Figures) Console.WriteLine($"{f.Claim,-50} {f.As,-20} {f.PublishedLeast:0.00}-{f.PublishedMost:0.00} best {f.Best:0.00} at {f.BestRate:0.00} least {f.Least:0.00} ratio {f.RatioToPublished:0.00}");
            foreach (var x in r.Runs) Console.WriteLine($"{x.Entrant,-20} {x.Rate,6:0.00} in {x.InTimeShare:0.000} tps {x.TokensPerSecondInSlo:0} ttft {x.MeanTtft:0} {x.TtftP50:0} {x.TtftP90:0} tpot {x.MeanTpot:0.0} lat {x.MeanLatency:0} {x.LatencyP99:0} hit {x.HitShare:0.000} cv {x.LoadVariation:0.00} un {x.Unanswered}");
            }
            return 0;
        });
        return command;
    }
}
