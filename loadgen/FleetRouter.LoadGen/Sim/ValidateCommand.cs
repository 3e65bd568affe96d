using System.CommandLine;
using FleetRouter.Domain.Placement;
using FleetRouter.LoadGen.Demo;
using FleetRouter.LoadGen.Replay;
using FleetRouter.LoadGen.Reports;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;
using FleetRouter.Simulation.Validation;

namespace FleetRouter.LoadGen.Sim;

/// <summary>The sim validate verb: the engine model beside published figures, the simulator beside stand-ins over HTTP.</summary>
internal static class ValidateCommand
{
    private static readonly TimeSpan ConversationSlo = TimeSpan.FromMilliseconds(500), TraceSlo = TimeSpan.FromSeconds(5);

    private sealed record FigureReport(string Figure, double PublishedLeast, double PublishedMost, double Predicted, double Deviation, double Tolerance, bool Holds, string? Why);

    private sealed record ValidateReport(bool Holds, IReadOnlyList<FigureReport> Figures, IReadOnlyList<WireComparison> OverHttp, IReadOnlyList<string> Misranked);

    private sealed record Settings(int Engines, TimeSpan Duration, string? Trace, int Requests, string Profile, string[] Policies, ulong Seed, int Runs, bool NoProgress);

    public static Command Create()
    {
        var figuresOnly = new Option<bool>("--figures-only") { Description = "Hold the engine model against the published figures alone; nothing is started." };
        var engines = OptionKinds.UpTo(64, "--engines", "Engine stand-ins, 1 to 64.", 8);
        var duration = Duration.Option("--duration", "For how long the synthetic slice starts conversations.", TimeSpan.FromSeconds(20));
        var trace = new Option<string?>("--trace") { Description = "A trace whose first requests are a second slice, at its own pace.", HelpName = "FILE" };
        var requests = OptionKinds.UpTo(100_000, "--requests", "Requests of the trace's slice.", 300);
        var profile = new Option<string>("--profile") { Description = "Model and hardware of the stand-ins of the trace's slice.", DefaultValueFactory = _ => "h100-llama-3.1-8b" };
        profile.AcceptOnlyFromAmong([.. EngineProfile.All.Select(known => known.Name)]);
        var policies = new Option<string>("--policies")
        {
            Description = "Policies to run each slice under, separated by commas; the simulator's ranking of them must hold over HTTP.",
            DefaultValueFactory = _ => $"round-robin,{PlacementPolicies.Names[0]}", HelpName = "A,B",
        };
        policies.Validators.Add(result =>
        {
            foreach (var name in (result.GetValueOrDefault<string>() ?? "").Split(',').Where(name => !PlacementPolicies.Names.Contains(name)))
                result.AddError($"--policies: no placement policy is called '{name}'; known: {string.Join(", ", PlacementPolicies.Names)}");
        });
        var seed = OptionKinds.SeedOf("texts and conversations");
        var runs = OptionKinds.UpTo(20, "--runs", "Times a measurement is made at most, while the machine is too busy to send in time.", 3);
        var json = OptionKinds.JsonFile();
        var noProgress = OptionKinds.WithoutProgress();
        var command = new Command("validate", "Hold the engine model against published figures, and the simulator against a real gateway with engine stand-ins over HTTP on the same arrivals. Exit code 0 only if every tolerance and the ranking of the policies hold.")
        {
            figuresOnly, engines, duration, trace, requests, profile, policies, seed, runs, json, noProgress,
        };
        command.SetAction((parsed, _) => Run(parsed.GetValue(figuresOnly), new Settings(parsed.GetValue(engines), parsed.GetValue(duration).Length, parsed.GetValue(trace),
            parsed.GetValue(requests), parsed.GetValue(profile)!, parsed.GetValue(policies)!.Split(','), parsed.GetValue(seed), parsed.GetValue(runs), parsed.GetValue(noProgress)), parsed.GetValue(json)));
        return command;
    }

    private static async Task<int> Run(bool figuresOnly, Settings settings, string? json)
    {
        ReportFile.Try(json);
        List<WireSlice> slices = figuresOnly ? [] : Slices(settings);
        WriteFigures();
        var compared = new List<WireComparison>();
        if (slices.Count > 0)
        {
            using var interruption = new Interruption();
            Console.WriteLine($"\nThe simulator beside {settings.Engines} stand-ins over HTTP; TTFT within {100 * WireComparison.TtftTolerance:0} %, hit share within {100 * WireComparison.HitTolerance:0} points");
            Console.WriteLine(WireComparison.Heading);
            foreach (WireSlice slice in slices)
                foreach (string policy in settings.Policies)
                {
                    compared.Add(await WireComparison.Measure(slice, policy, settings.Runs, settings.NoProgress, interruption.Stop));
                    Console.WriteLine(compared[^1]);
                }
        }
        List<string> misranked = [.. WireComparison.Misranked(compared)];
        foreach (string pair in misranked) Console.WriteLine(pair);
        bool holds = PublishedFigures.All.All(figure => figure.Holds) && compared.All(one => one.Holds) && misranked.Count == 0;
        Console.WriteLine(holds ? "every tolerance holds" : "not every tolerance holds");
        ReportFile.Write(json, () => JsonReport.Text(new ValidateReport(holds,
            [.. PublishedFigures.All.Select(f => new FigureReport(f.ToString(), f.Least, f.Most, f.Predicted, f.Deviation, f.Tolerance, f.Holds, f.Why))], compared, misranked)));
        return holds ? ExitCodes.Ok : ExitCodes.SomeFailed;
    }

    private static void WriteFigures()
    {
        Console.WriteLine($"{"The engine model beside published figures",-58} {"published",11} {"predicted",10} {"off",8} {"allowed",8}");
        foreach (PublishedFigure figure in PublishedFigures.All)
        {
            string published = figure.Least == figure.Most ? FormattableString.Invariant($"{figure.Least:0.###}") : FormattableString.Invariant($"{figure.Least:0.###}-{figure.Most:0.###}");
            Console.WriteLine(FormattableString.Invariant(
                $"{figure,-58} {published,11} {figure.Predicted,10:0.###} {100 * figure.Deviation,6:+0.0;-0.0;0.0} % {100 * figure.Tolerance,6:0.##} %  {(figure.Holds ? "" : "out")}"));
        }
        foreach (var group in PublishedFigures.All.Where(figure => figure.Why is not null).GroupBy(figure => figure.Why))
            Console.WriteLine($"{group.Count()} figures may be off by more than {100 * PublishedFigures.Aim:0} %: {group.Key}");
    }

    private static List<WireSlice> Slices(Settings settings)
    {
        var slices = new List<WireSlice>
        {
            new("conversations", DemoWorkload.Sessions(settings.Engines, settings.Duration, settings.Seed),
                DemoWorkload.StandIns(settings.Engines) with { Model = PreparedWorkload.Model }, ConversationSlo, settings.Seed),
        };
        if (settings.Trace is not { } path) return slices;
        Trace trace = Trace.Open(path, null, new TraceReading(settings.Seed));
        List<TraceSession> sessions = [.. TraceSelection.Select(trace.Sessions(), 0, settings.Requests)];
        slices.Add(new WireSlice(TraceFormats.NameOf(trace.Format), sessions,
            new StandIns(settings.Engines, settings.Profile, null, PreparedWorkload.Model), TraceSlo, settings.Seed));
        return slices;
    }
}
