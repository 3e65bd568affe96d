using System.CommandLine;
using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Traces;
using static FleetRouter.LoadGen.OptionKinds;

namespace FleetRouter.LoadGen.Sim;

/// <summary>The compare verb's options: each with its default, unit and range.</summary>
internal sealed class CompareOptions
{
    /// <summary>Requests of a quick comparison.</summary>
    private const int Quick = 1000;

    /// <summary>Requests of a comparison: enough that the tenth with the longest prompts has hundreds.</summary>
    private const int Usual = 3000;

    public Option<string> Trace { get; } = TraceFile();
    public Option<string> Format { get; } = FormatOfTrace();
    public Option<int?> Instances { get; } = Count("--instances", "Engines (1 or more). Default: 8.");
    public Option<double?> KvRatio { get; } = PositiveOrNone("--kv-ratio", "KV capacity of the whole fleet in working sets of the workload (above 0); never less than the longest prompt needs. Default: the profile's own capacity.");
    public Option<Slo> Slo { get; } = SloOption.Create();
    public Option<Duration> InterToken { get; } = Duration.Option("--inter-token", "Mean time between tokens promised.", TimeSpan.FromMilliseconds(100));
    public Option<string> Profile { get; } = OneOf("--profile", "Model and hardware of the engines.", EngineProfile.All[0].Name, [.. EngineProfile.All.Skip(1).Select(profile => profile.Name)]);
    public Option<string> Policies { get; } = new("--policies") { Description = "Who takes part beside the default policy: names with commas between them, all, or rivals; the last two bring the referees clairvoyant and shared-cache along.", DefaultValueFactory = _ => "rivals", HelpName = "A,B|all|rivals" };
    public Option<int?> Requests { get; } = Count("--requests", "Requests of the workload (1 or more); where the trace has fewer, copies of its sessions with texts of their own follow. Default: 3000, quick 1000.");
    public Option<ulong> Seed { get; } = SeedOf("texts, jitter, session starts and probes");
    public Option<bool> IsQuick { get; } = new("--quick") { Description = "Fewer requests, steps of 3 %, published settings only, no curves." };
    public Option<bool> IsTiming { get; } = new("--timing") { Description = "Compare nothing: time one run of each policy's published setting, alone on one core, at the rate the working set is told for (70 % of what the engines compute with a perfect cache)." };
    public Option<string?> Json { get; } = JsonFile();
    public Option<string?> Html { get; } = HtmlFile();
    public Option<bool> NoProgress { get; } = WithoutProgress();

    public IEnumerable<Option> All =>
        [Trace, Format, Instances, KvRatio, Slo, InterToken, Profile, Policies, Requests, Seed, IsQuick, IsTiming, Json, Html, NoProgress];

    /// <summary>The cell the options describe.</summary>
    public CellPlan Plan(ParseResult parsed) => new(
        parsed.GetValue(Trace)!,
        TraceFormats.Named(parsed.GetValue(Format)!),
        parsed.GetValue(Requests) ?? (parsed.GetValue(IsQuick) ? Quick : Usual),
        parsed.GetValue(Seed),
        parsed.GetValue(Instances) ?? 8,
        parsed.GetValue(KvRatio),
        parsed.GetValue(Slo)! with { InterToken = parsed.GetValue(InterToken).Length },
        EngineProfile.Named(parsed.GetValue(Profile)!));
}
