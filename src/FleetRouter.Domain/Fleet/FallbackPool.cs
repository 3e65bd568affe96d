using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Fleet;

/// <summary>Places one gateway's requests while their pool does not answer: by dual hash, which needs nothing but the members, on what the pool last
/// told of itself. Nobody is held and nothing is moved; what it placed is told the pool when it answers again (<see cref="RequestAdopted"/>).</summary>
/// <remarks>Not for two threads at once.</remarks>
/// <param name="options">The pool's options.</param>
public sealed class FallbackPool(PoolOptions options)
{
    private readonly DualHashPolicy _policy = new();
    private readonly Dictionary<string, Instance> _instances = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Peers> _peers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ReadySet> _readyByModel = new(StringComparer.Ordinal);
    private readonly Dictionary<string, InFlight> _placed = new(StringComparer.Ordinal);
    private readonly PrefixHotness _hotness = new();
    private readonly TokenEstimates _estimates = new();
    private PoolSnapshot _snapshot = PoolSnapshot.Empty;
    private long _dispatches;

    /// <summary>The options in force.</summary>
    public PoolOptions Options { get; set; } = options;

    /// <summary>What the pool told last.</summary>
    public PoolSnapshot Snapshot
    {
        get => _snapshot;
        set
        {
            _snapshot = value;
            Renew();
        }
    }

    /// <summary>Requests placed here and not yet ended or told the pool.</summary>
    public int Placed => _placed.Count;

    /// <summary>Where a request goes, or why nowhere.</summary>
    /// <param name="now">Time since the gateway's epoch.</param>
    /// <param name="request">The request.</param>
    /// <param name="attempt">Which of its attempts this is, from 1.</param>
    /// <param name="emittedTokens">Tokens of the answer that its client has.</param>
    /// <param name="failed">Instances that it failed on and is not to be sent to again.</param>
    /// <returns><see cref="Dispatch"/> or <see cref="Refuse"/>.</returns>
    public PoolEffect Place(TimeSpan now, PlacementRequest request, int attempt, int emittedTokens, IReadOnlyList<string> failed)
    {
        Forget(now, request.Id);
        ReadySet ready = _readyByModel.GetValueOrDefault(request.Model, ReadySet.Empty);
        var work = new InFlight(request, now)
        {
            Attempt = attempt,
            Emitted = emittedTokens,
            PromptTokens = _estimates.PromptTokens(request) + emittedTokens,
            Key = _hotness.KeyFor(request, ready),
            Failed = [.. failed.Select(_instances.GetValueOrDefault).OfType<Instance>()],
        };
        if (attempt > Options.MaxAttempts && emittedTokens == 0)
            return Refused(work, now, "attempts-exhausted", $"{attempt - 1} instances in turn could not be reached");
        Instance? home = request.Home is { } at && _instances.GetValueOrDefault(at) is { } known && ready.Instances.Contains(known) ? known : null;
        var query = new PlacementQuery(work, ready, home, now, Options, _estimates);
        Choice choice = ready.Instances.Length == 0 ? default : _policy.Place(query);
        // Where all are full somebody has to wait in an engine's queue: here nobody can be held.
        if ((choice.Instance ?? LeastFull(work, ready)) is not { } instance)
            return Refused(work, now, "no-instance", $"no instance of pool {Options.Name} that serves {request.Model} can be reached");
        work.Lease(instance, now, work.PromptTokens - query.CachedTokens(instance), _estimates.ProjectedOutput(request));
        instance.LastDispatch = ++_dispatches;
        instance.Prefixes.Touch(request.Prompt.Hashes, now);
        work.Pin = instance.Prefixes.Pin(request.Prompt.Hashes);
        _placed.Add(request.Id, work);
        return new Dispatch(request.Id, instance.Id, work.Decide(Options, now, PlacementRule.Fallback, instance.Id, choice.Candidates ?? [], null))
        {
            Patience = _snapshot.Instances.First(i => i.Id == instance.Id).Patience,
        };
    }

    /// <summary>A request is over, or the pool counts it from here on.</summary>
    public void Forget(TimeSpan now, string requestId)
    {
        if (_placed.Remove(requestId, out InFlight? work))
            work.EndLease(now);
    }

    private static Instance? LeastFull(InFlight work, ReadySet ready) =>
        ready.Instances.Where(i => !work.Failed!.Contains(i)).MinBy(i => (i.AllRequests, i.LastDispatch));

    private Refuse Refused(InFlight work, TimeSpan now, string reason, string what)
    {
        var refusal = new Refusal(RefusalKind.Broken, reason, what, TimeSpan.FromSeconds(1));
        return new Refuse(work.Request.Id, refusal, work.Decide(Options, now, PlacementRule.Refused, null, [], refusal));
    }

    /// <summary>Takes over members and load. What this gateway placed itself counts beside until the pool does.</summary>
    private void Renew()
    {
        _estimates.BytesPerToken = _snapshot.BytesPerToken;
        foreach (InstanceSnapshot told in _snapshot.Instances)
        {
            if (!_instances.TryGetValue(told.Id, out Instance? instance))
                _instances.Add(told.Id, instance = new Instance(told.Id, Options, _peers[told.Id] = new Peers(told.PrefillTokensPerSecond)));
            _peers[told.Id].Speed.Prior = told.PrefillTokensPerSecond;
            (instance.State, instance.Models) = (InstanceState.Ready, told.Models);
            instance.ForeignRequests = told.Requests;
            instance.ForeignPrefillTokens = told.PendingPrefillTokens;
        }
        _readyByModel.Clear();
        Instance[] ready = [.. _snapshot.Instances.Select(i => _instances[i.Id])];
        foreach (string model in ready.SelectMany(i => i.Models).Distinct(StringComparer.Ordinal))
            _readyByModel[model] = new ReadySet([.. ready.Where(i => i.Serves(model))]);
    }
}
