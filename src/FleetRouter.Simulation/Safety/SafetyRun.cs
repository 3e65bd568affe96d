using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Simulation.Fleet;

namespace FleetRouter.Simulation.Safety;

/// <summary>One seed's life of a pool in a fleet that fails in every way, with the pool's promises checked at every event.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Policy">The placement policy drawn.</param>
/// <param name="Events">Events the pool handled.</param>
/// <param name="Ends">Requests by how they ended.</param>
/// <param name="Violation">The first broken promise, with the events that led to it; null if all were kept.</param>
public sealed record SafetyRun(ulong Seed, string Policy, long Events, IReadOnlyDictionary<OutcomeKind, int> Ends, string? Violation)
{
    private const int EventsShown = 30;

    /// <summary>Runs one seed to its end, or to the first broken promise. The same seed gives the same run in every process.</summary>
    public static SafetyRun Of(ulong seed)
    {
        var scenario = new SafetyScenario(seed);
        var pool = new Pool(scenario.Setup.Pool);
        var watch = new Watch(seed, scenario.Setup.Pool, pool);
        var ends = new SortedDictionary<OutcomeKind, int>();
        string? violation = null;
        try
        {
            FleetRun run = FleetSimulation.Run(scenario.Workload, scenario.Setup, 1, pool, watch.Saw);
            foreach (RequestOutcome outcome in run.Outcomes)
                ends[outcome.Kind] = ends.GetValueOrDefault(outcome.Kind) + 1;
            if (run.Outcomes.FirstOrDefault(outcome => outcome is { Kind: OutcomeKind.Broken, OutputTokens: > 0, Request.ForRouter.CanMove: true }) is { } broken)
                violation = watch.Tell(new Breach(broken.Request.ForRouter.Id, $"broken behind {broken.OutputTokens} tokens, though it could go on"));
            else if (run.Outcomes.FirstOrDefault(outcome => outcome.Kind == OutcomeKind.Open) is { } open)
                violation = watch.Tell(new Breach(open.Request.ForRouter.Id, $"open at {scenario.Setup.Until}, long after the last fault"));
            else if (run.Leases != 0 || watch.Open.Count != 0)
                violation = watch.Tell(new Breach(watch.Open.FirstOrDefault(""), $"every request has ended, yet {run.Leases} leases are left"));
        }
        catch (BrokenPromiseException broken)
        {
            violation = broken.Message;
        }
        return new SafetyRun(seed, scenario.Setup.Pool.Policy, watch.Events, ends, violation) 
        {
            Moves = watch.Count<Move>(), Migrations = watch.CarriedOver, Resumes = watch.Resumes, Hedges = watch.Count<Hedge>(),
        };
    }

    /// <summary>Requests that were moved from one queue to another.</summary>
    public int Moves { get; private init; }

    /// <summary>Answers that were carried over while they ran.</summary>
    public int Migrations { get; private init; }

    /// <summary>Answers that broke off and went on elsewhere.</summary>
    public int Resumes { get; private init; }

    /// <summary>Requests that were asked of a second instance too.</summary>
    public int Hedges { get; private init; }

    private sealed class Watch(ulong seed, PoolOptions options, Pool pool)
    {
        private readonly SafetyBooks _books = new(options);
        private readonly List<(PoolEvent Happened, PoolEffect[] Effects)> _log = [];

        public int Events => _log.Count;

        public int Count<T>() => _log.Sum(entry => entry.Effects.Count(effect => effect is T));

        public int CarriedOver => _log.Count(entry => entry.Happened is MigrationEnded { Failure: null });

        public int Resumes => _log.Sum(entry => entry.Effects.Count(effect => effect is Dispatch { Decision.EmittedTokens: > 0 }));

        public IReadOnlyCollection<string> Open => _books.Open;

        public void Saw(PoolEvent happened, IReadOnlyList<PoolEffect> effects)
        {
            _log.Add((happened, [.. effects]));
            if (_books.Check(happened, effects, pool.Describe()) is { } breach)
                throw new BrokenPromiseException(Tell(breach));
        }

        public string Tell(Breach breach)
        {
            IEnumerable<string> lines = _log.Select((entry, number) => (Number: number, Text: Text(entry.Happened, entry.Effects)))
                .Where(line => line.Number == _log.Count - 1 || breach.About.Length == 0 || line.Text.Contains(breach.About, StringComparison.Ordinal))
                .TakeLast(EventsShown).Select(line => $"  {line.Number,6}  {line.Text}");
            string about = breach.About.Length == 0 ? "" : $"{breach.About}: ";
            return $"seed {seed}, policy {options.Policy}, event {_log.Count - 1}: {about}{breach.What}\n{string.Join('\n', lines)}\n"
                + $"  to see it again: ./fleet sim safety --seeds 1 --first-seed {seed}";
        }

        private static string Text(PoolEvent happened, PoolEffect[] effects) => effects.Length == 0
            ? Text(happened)
            : $"{Text(happened)} -> {string.Join("; ", effects.Select(Text))}";

        private static string Text(PoolEvent happened) => $"{happened.At.TotalSeconds:0.000000} s " + happened switch
        {
            RequestArrived e => $"{e.Request.Id} arrives",
            RequestProgressed e => $"{e.RequestId} has {e.OutputTokens} tokens",
            RequestEnded e => $"{e.RequestId} ends: {e.End}",
            AttemptFailed e => $"{e.RequestId} fails: {e.Failure} behind {e.EmittedTokens} tokens",
            MigrationEnded e => $"{e.RequestId} {(e.Failure is null ? $"is carried over behind {e.EmittedTokens} tokens" : "stays where it is")}",
            HedgeEnded e => $"{e.RequestId} is asked once again: {e.End} {e.Failure}",
            DrainOrdered e => $"{e.Instance} {(e.Drains ? "is to be emptied" : "is not to be emptied any more")}",
            InstanceJoined e => $"{e.Instance} joins",
            InstanceLeft e => $"{e.Instance} leaves",
            InstanceProbed e => $"{e.Instance} answers: {e.Report.Running} running, {e.Report.Waiting} waiting, KV {e.Report.KvUsage:0.###} of {e.Report.KvCapacityTokens}, serves {string.Join(", ", e.Report.Models)}",
            ProbeFailed e => $"{e.Instance} does not answer",
            _ => happened.GetType().Name,
        };

        private static string Text(PoolEffect effect) => effect switch
        {
            Dispatch e => $"{e.RequestId} to {e.Instance} ({e.Decision.Rule}, attempt {e.Decision.Attempt})",
            Move e => $"{e.RequestId} moved from {e.From} to {e.To}",
            Migrate e => $"{e.RequestId} carried over from {e.From} to {e.To}",
            Hedge e => $"{e.RequestId} asked of {e.To} beside {e.From}",
            Held e => $"{e.RequestId} held",
            Refuse e => $"{e.RequestId} refused: {e.Refusal.Reason}",
            InstanceChanged e => $"{e.Instance} {e.From} to {e.To}",
            ProbeNow e => $"probe {e.Instance}",
            WakeAt e => $"wake at {e.At.TotalSeconds:0.000000} s",
            _ => effect.GetType().Name,
        };
    }

    private sealed class BrokenPromiseException(string message) : Exception(message);
}
