using System.CommandLine;
using FleetRouter.LoadGen.Reports;
using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Migrations;

namespace FleetRouter.LoadGen.Sim;

/// <summary>The sim migration verb: what moving requests is worth, on traces and in the setting of live migration's own paper.</summary>
internal static class MigrationCommand
{
    private sealed record Settings(string[] Traces, string[] Policies, int Requests, int Instances, double? KvRatio, Slo Slo, EngineProfile Profile, ulong[] Seeds, double HighShare);

    public static Command Create()
    {
        var traces = new Option<string[]>("--trace") { Description = "Trace file, plain or gzipped; may be given several times. Without any only the synthetic cells are run.", HelpName = "FILE" };
        var policies = new Option<string>("--policies") { Description = $"Policies, commas between them; {string.Join(" and ", MigrationStudy.Blind)} do not look at room, so that requests queue in the engines.", DefaultValueFactory = _ => $"{Family.Default},least-requests,{string.Join(',', MigrationStudy.Blind)}", HelpName = "A,B" };
        var requests = OptionKinds.UpTo(1_000_000, "--requests", "Requests of each cell (1 to 1,000,000).", 3_000);
        var instances = OptionKinds.UpTo(1_000, "--instances", "Engines of the trace cells (1 to 1,000); the synthetic ones have 16.", 8);
        var kvRatio = OptionKinds.PositiveOrNone("--kv-ratio", "KV capacity of the trace cells' fleet in working sets (above 0). Default: the profile's own capacity.");
        var slo = SloOption.Create();
        var interToken = Duration.Option("--inter-token", "Mean time between tokens promised.", TimeSpan.FromMilliseconds(100));
        var profile = OptionKinds.OneOf("--profile", "Model and hardware of the trace cells' engines.", EngineProfile.All[0].Name, [.. EngineProfile.All.Skip(1).Select(p => p.Name)]);
        var synthetic = new Option<string>("--synthetic") { Description = $"Synthetic cells with commas between them, or none: 16 engines with little memory, lengths of prompts and answers by power laws; {string.Join(", ", FragmentationWorkload.Kinds.Select(kind => kind.Name))}.", DefaultValueFactory = _ => string.Join(',', FragmentationWorkload.Kinds.Select(kind => kind.Name)), HelpName = "A,B|none" };
        var high = OptionKinds.UpTo(50, "--high", "Share of the requests that are of high priority where that is measured, % (1 to 50).", 10);
        var seed = OptionKinds.SeedOf("lengths, texts, arrivals and probes");
        var seeds = OptionKinds.UpTo(100, "--seeds", "Runs at each rate, with the seed and those that follow it (1 to 100); every figure is of all of them.", 12);
        var json = OptionKinds.JsonFile();
        var noProgress = OptionKinds.WithoutProgress();
        var command = new Command("migration", "Set moving requests between instances on and off side by side: queued requests to where they begin sooner, answers while they stream to where there is room. Tells SLO capacity, times, preemptions, what was moved, and what high priority is worth.")
        {
            traces, policies, requests, instances, kvRatio, slo, interToken, profile, synthetic, high, seed, seeds, json, noProgress,
        };
        command.SetAction(parsed =>
        {
            string? path = parsed.GetValue(json);
            ReportFile.Try(path);
            using var interruption = new Interruption();
            using var progress = new RunProgress(parsed.GetValue(noProgress));
            var settings = new Settings(
                parsed.GetValue(traces) ?? [], parsed.GetValue(policies)!.Split(','), parsed.GetValue(requests), parsed.GetValue(instances), parsed.GetValue(kvRatio),
                parsed.GetValue(slo)! with { InterToken = parsed.GetValue(interToken).Length }, EngineProfile.Named(parsed.GetValue(profile)!),
                [.. Enumerable.Range(0, parsed.GetValue(seeds)).Select(i => parsed.GetValue(seed) + (ulong)i)], parsed.GetValue(high) / 100.0);
            foreach (string policy in settings.Policies.Where(p => !MigrationStudy.Blind.Contains(p)))
                _ = Family.OfPolicy(policy, tuned: false);
            (string Name, Cell[] Seeds)[] cells = [.. TraceCells(settings), .. SyntheticCells(settings, parsed.GetValue(synthetic)!)];
            var reports = new MigrationReport[cells.Length * settings.Policies.Length];
            Parallel.For(0, reports.Length, new ParallelOptions { CancellationToken = interruption.Stop, MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
            {
                (string name, Cell[] seeded) = cells[i / settings.Policies.Length];
                reports[i] = new MigrationStudy(name, seeded, settings.Policies[i % settings.Policies.Length], settings.HighShare).Run(progress.Ran, interruption.Stop);
            });
            foreach (MigrationReport report in reports) MigrationText.Write(Console.Out, report);
            ReportFile.Write(path, () => JsonReport.Text(reports));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static IEnumerable<(string, Cell[])> TraceCells(Settings settings) => settings.Traces.Select(path => (Path.GetFileName(path).Split('.')[0],
        settings.Seeds.Select(seed => new CellPlan(path, null, settings.Requests, seed, settings.Instances, settings.KvRatio, settings.Slo, settings.Profile).Prepare().Cell).ToArray()));

    private static IEnumerable<(string, Cell[])> SyntheticCells(Settings settings, string names) => (names == "none" ? [] : names.Split(',')).Select(name =>
        FragmentationWorkload.Kinds.FirstOrDefault(kind => kind.Name == name) is { Name: not null } kind
            ? kind : throw new UsageException($"--synthetic: no cell is called '{name}'; there are {string.Join(", ", FragmentationWorkload.Kinds.Select(k => k.Name))}, or none"))
        .Select(kind => (kind.Name, settings.Seeds.Select(seed => new Cell(FragmentationWorkload.Of(settings.Requests, kind.Prompt, kind.Answer, seed), 16, FragmentationWorkload.Profile,
            FragmentationWorkload.KvTokens, settings.Slo, seed)).ToArray()));
}
