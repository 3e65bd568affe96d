using System.CommandLine;
using System.Globalization;
using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Engine;
using static FleetRouter.LoadGen.OptionKinds;

namespace FleetRouter.LoadGen.Sim;

/// <summary>The matrix verb's options: each a list with commas between, and together the cells.</summary>
internal sealed class MatrixOptions
{
    public Option<string> Traces { get; } = new("--traces") { Required = true, Description = "Trace files, or folders of them, with commas between them.", HelpName = "FILE,..." };
    public Option<string> Instances { get; } = Listed("--instances", "Engines.", "8,16,64");
    public Option<string> KvRatios { get; } = Listed("--kv-ratios", "KV capacities of the whole fleet in working sets.", "1/3,1,3");
    public Option<string> Slos { get; } = Listed("--slos", "Promises of the time to first token, as compare has them.", "5s,length");
    public Option<Duration> InterToken { get; } = Duration.Option("--inter-token", "Mean time between tokens promised.", TimeSpan.FromMilliseconds(100));
    public Option<string> Profiles { get; } = Listed("--profiles", "Engine profiles.", "h100-llama-3.1-8b,h100x4-llama-3.1-70b");
    public Option<string> Policies { get; } = new("--policies") { Description = "Who takes part beside the default policy.", DefaultValueFactory = _ => "rivals", HelpName = "A,B|all|rivals" };
    public Option<int?> Requests { get; } = Count("--requests", "Requests of each cell (1 or more). Default: 3000.");
    public Option<ulong> Seed { get; } = SeedOf("everything");
    public Option<bool> IsQuick { get; } = new("--quick") { Description = "Steps of 3 %, published settings only, no curves." };
    public Option<string> Json { get; } = new("--json") { Required = true, Description = "File of the cells; those it holds already are not run again.", HelpName = "FILE" };
    public Option<bool> NoProgress { get; } = WithoutProgress();

    public IEnumerable<Option> All =>
        [Traces, Instances, KvRatios, Slos, InterToken, Profiles, Policies, Requests, Seed, IsQuick, Json, NoProgress];

    /// <summary>The cells, in the order they are run: the small fleets first.</summary>
    /// <exception cref="UsageException">A list has an entry that is none.</exception>
    public IReadOnlyList<CellPlan> Plans(ParseResult parsed) =>
    [
        .. from instances in Entries<int>(parsed, Instances, Whole)
           from profile in Entries<EngineProfile>(parsed, Profiles, text => EngineProfile.All.FirstOrDefault(profile => profile.Name == text))
           from trace in Files(parsed.GetValue(Traces)!)
           from ratio in Entries<double>(parsed, KvRatios, Ratio)
           from slo in Entries<Slo>(parsed, Slos, SloOption.Parse)
           select new CellPlan(trace, null, parsed.GetValue(Requests) ?? 3000, parsed.GetValue(Seed), instances, ratio,
               slo with { InterToken = parsed.GetValue(InterToken).Length }, profile),
    ];

    private static IEnumerable<string> Files(string list) =>
        Split(list).SelectMany(path => Directory.Exists(path) ? Directory.GetFiles(path).Order(StringComparer.Ordinal) : (IEnumerable<string>)[path]);

    private static int? Whole(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0 ? number : null;

    private static double? Ratio(string text)
    {
        string[] parts = text.Split('/');
        double? Number(string part) =>
            double.TryParse(part, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number) && number is >= 1e-6 and <= 1e6 ? number : null;
        return parts.Length switch { 1 => Number(text), 2 => Number(parts[0]) / Number(parts[1]), _ => null };
    }

    private static IEnumerable<T> Entries<T>(ParseResult parsed, Option<string> option, Func<string, T?> read) where T : class => [.. Split(parsed.GetValue(option)!)
        .Select(text => read(text) ?? throw Wrong(option, text))];

    private static IEnumerable<T> Entries<T>(ParseResult parsed, Option<string> option, Func<string, T?> read) where T : struct => [.. Split(parsed.GetValue(option)!)
        .Select(text => read(text) ?? throw Wrong(option, text))];

    private static UsageException Wrong(Option option, string text) => new($"{option.Name}: '{text}' is none; see --help");

    private static string[] Split(string list) => list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static Option<string> Listed(string name, string description, string fallback) =>
        new(name) { Description = description, DefaultValueFactory = _ => fallback, HelpName = "A,B,..." };
}
