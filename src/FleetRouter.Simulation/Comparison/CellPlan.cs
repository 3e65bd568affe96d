using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Text;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Comparison;

/// <summary>What a cell is made of: a trace file, a fleet, a promise.</summary>
/// <param name="TracePath">The trace file.</param>
/// <param name="Format">Its format; null looks at its first line.</param>
/// <param name="Requests">Requests of the workload, 1 or more.</param>
/// <param name="Seed">Seed of texts, jitter, session starts and probes.</param>
/// <param name="Instances">Engines, 1 or more.</param>
/// <param name="KvRatio">KV capacity of the whole fleet in working sets, above 0; null for the profile's own.</param>
/// <param name="Slo">The promise.</param>
/// <param name="Profile">The engines' model and hardware.</param>
public sealed record CellPlan(
    string TracePath, TraceFormat? Format, int Requests, ulong Seed, int Instances, double? KvRatio, Slo Slo, EngineProfile Profile)
{
    /// <summary>Reads the trace and hashes the workload.</summary>
    /// <exception cref="TraceReadException">The trace cannot be read, or no rate can be made of it.</exception>
    public PlannedCell Prepare()
    {
        Trace trace = Trace.Open(TracePath, Format, new TraceReading(Seed, LongestThinkTime: WorkloadSelection.LongestThinkTime));
        int longest = KvRatio is null ? Math.Min(Profile.Model.MaxModelLength, Profile.KvBlocks * BlockHash.BlockSize) : Profile.Model.MaxModelLength;
        WorkloadSelection selection = WorkloadSelection.Of(trace.Sessions(), Requests, longest);
        PreparedWorkload workload = PreparedWorkload.Of(selection.Sessions, Seed);
        var scale = new RateScale(workload);
        if (scale.RateAt(0) > 1e5 || workload.All.Count < 2)
            throw new TraceReadException($"{trace.Name}: its requests all come at once, so that no rate can be made of them");
        long workingSet = WorkingSet.Tokens(workload, scale.PaceAt(scale.StepFor(WorkingSet.EstimatedRate(workload, Profile, Instances))));
        long floor = workload.All.Max(r => r.PromptTokens + (long)r.ForEngine.OutputTokens) + BlockHash.BlockSize;
        long? kvTokens = KvRatio is { } ratio ? Math.Max(floor, (long)(ratio * workingSet / Instances)) : null;
        return new PlannedCell(this, trace, selection, workingSet, new Cell(workload, Instances, Profile, kvTokens, Slo, Seed));
    }
}

/// <summary>A cell ready to run, and what is to be told of it.</summary>
/// <param name="Plan">What it was made of.</param>
/// <param name="Trace">The trace.</param>
/// <param name="Selection">What was taken of it.</param>
/// <param name="WorkingSetTokens">The workload's working set.</param>
/// <param name="Cell">The cell.</param>
public sealed record PlannedCell(CellPlan Plan, Trace Trace, WorkloadSelection Selection, long WorkingSetTokens, Cell Cell)
{
    /// <summary>Name of the referee that sees all queues, caches and lengths.</summary>
    public const string Clairvoyant = "clairvoyant";

    /// <summary>Name of the referee whose engines share one cache.</summary>
    public const string SharedCache = "shared-cache";

    /// <summary>A promise in figures.</summary>
    public static SloFigures FiguresOf(Slo slo) => new(slo.Ttft.TotalMilliseconds, slo.TtftPerThousandTokens.TotalMilliseconds, slo.InterToken.TotalMilliseconds);

    /// <summary>Puts what a comparison found into figures.</summary>
    public ComparisonReport Report(ComparisonResult result)
    {
        double? Capacity(Standings? s) => s?.Protected is { } held ? result.Scale.RateAt(held.Step) : null;
        double? ours = Capacity(result.Ours);
        double? Ratio(Standings? other) => ours / Capacity(other) is { } ratio && double.IsFinite(ratio) ? ratio : null;
        Standings? Referee(string name) => result.All.FirstOrDefault(s => s.Family.Name == name && s.Family.Standing == Standing.Referee);
        PolicyFigures Figures(Standings s) => s.Protected is { } held
            ? Of(s.Runs.At(held.Step), Capacity(s), held.IsBound, s.Runs.Name, Unprotected(s))
            : new PolicyFigures(null, false, s.Runs.Name, Unprotected(s), null, null, null, null, null, null, null);
        double? Unprotected(Standings s) => s.Capacity is { } found ? result.Scale.RateAt(found.Step) : null;
        Dictionary<string, PolicyFigures> Table(bool referees) => result.All
            .Where(s => s.Family.Standing == Standing.Referee == referees).ToDictionary(s => s.Family.Name, Figures);
        return new ComparisonReport
        {
            Trace = Trace.Name,
            Format = TraceFormats.NameOf(Trace.Format),
            Profile = Plan.Profile.Name,
            Instances = Plan.Instances,
            KvRatio = Plan.KvRatio,
            KvTokensPerInstance = Cell.KvTokens / BlockHash.BlockSize * BlockHash.BlockSize,
            WorkingSetTokens = WorkingSetTokens,
            Slo = FiguresOf(Plan.Slo),
            Requests = Cell.Workload.All.Count,
            Sessions = Selection.Sessions.Count,
            CopiedSessions = Selection.Copies,
            ShortenedSessions = Selection.Shortened,
            ExcludedFromSlo = Cell.Workload.All.Count - Cell.SloRequests,
            Seed = Plan.Seed,
            DefaultPolicy = Family.Default,
            BestRival = result.BestRival?.Family.Name,
            RatioToBestRival = Ratio(result.BestRival),
            RatioToClairvoyant = Ratio(Referee(Clairvoyant)),
            RatioToSharedCache = Ratio(Referee(SharedCache)),
            OverloadGoodputRatio = result.Overload is { RivalGoodput: > 0 } beyond ? beyond.Goodput / beyond.RivalGoodput : null,
            Overload = result.Overload,
            Policies = Table(referees: false),
            Referees = Table(referees: true),
            Curves = result.Curves,
            Notes = [.. Notes(result)],
        };
    }

    private static PolicyFigures Of(RunScore score, double? capacity, bool atLeast, string variant, double? unprotected) => new(
        capacity, atLeast, variant, unprotected, score.GoodShare, score.GoodShareLongestTenth, score.TtftMilliseconds, score.InterTokenMilliseconds,
        score.HitTokenShare, score.LoadVariation, score.RefusedShare);

    private IEnumerable<string> Notes(ComparisonResult result)
    {
        yield return "figures of a policy are those at its own capacity";
        if (Selection.Copies > 0)
            yield return $"the trace has fewer requests: {Selection.Copies} of {Selection.Sessions.Count} sessions are copies with texts of their own beyond what its sessions commonly share";
        if (Selection.Shortened > 0)
            yield return $"{Selection.Shortened} sessions end before a turn longer than the engines' longest context";
        if (Cell.Workload.All.Count > Cell.SloRequests)
            yield return $"{Cell.Workload.All.Count - Cell.SloRequests} requests miss the promise even on an idle engine: they do not count for it, but must finish";
        string[] bound = [.. result.All.Where(s => s.Protected is { IsBound: true }).Select(s => s.Family.Name)];
        if (bound.Length > 0)
            yield return $"no pace saturates the fleet with {string.Join(", ", bound)}: their capacity is at least the one told; take more requests or fewer instances";
        string[] none = [.. result.All.Where(s => s.Capacity is null).Select(s => s.Family.Name)];
        if (none.Length > 0)
            yield return $"at no rate tried do nine tenths meet the promise with {string.Join(", ", none)}";
    }
}
