using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Safety;

/// <summary>A small fleet, a workload and a run of bad luck, all drawn from one seed. Whatever is drawn, the pool must keep its
/// promises; the sizes are chosen so that it is saturated much of the time.</summary>
internal sealed class SafetyScenario
{
    /// <summary>Virtual time after the last fault by which every request has long ended: a turn lives for a few activity timeouts, a
    /// session for a few turns.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromHours(1);

    /// <summary>Faults that last so long are never over within the run.</summary>
    private static readonly TimeSpan Forever = TimeSpan.FromDays(1);

    private SplitMix64 _random;

    /// <summary>Draws a scenario.</summary>
    public SafetyScenario(ulong seed)
    {
        _random = new SplitMix64(SplitMix64.Combine(seed, SplitMix64.Key("safety")));
        int engines = 2 + _random.Below(11);
        // In a calm fleet long queues build up instead of refusals, so that queued requests are moved.
        bool calm = _random.Below(4) == 0;
        int kvBlocks = (calm ? 256 : 24) << _random.Below(5);   // 384 to 6,144 tokens, or 4,096 to 65,536
        Workload = PreparedWorkload.Of([.. Conversations(seed), .. Lone(kvBlocks * Text.BlockHash.BlockSize)], seed)
            .With(request => request.ForRouter with { Priority = _random.Below(8) == 0 ? 1 : 0, CanMove = _random.Below(10) > 0 });
        TimeSpan span = Workload.Sessions.Max(session => session.Start) + TimeSpan.FromSeconds(5);
        EngineFault[] faults = Faults(engines, calm ? 2 : 4 * engines, span);
        Setup = new FleetSetup
        {
            Engines = [.. Enumerable.Range(0, engines).Select(_ => EngineProfile.Named(_random.Below(3) == 0 ? "a100-llama-3.1-8b" : "h100-llama-3.1-8b"))],
            Limits = new EngineLimits
            {
                KvBlocks = kvBlocks, MaxSequences = 1 + _random.Below(12), MaxBatchedTokens = (calm ? 16 : 64) << _random.Below(5),
                MaxQueuedRequests = _random.Below(3) == 0 ? 1 + _random.Below(6) : null,
            },
            Pool = Options(calm),
            NetworkDelay = Milliseconds(0.1, 20),
            ProbeInterval = Milliseconds(100, calm ? 500 : 2_000),
            ProbeDelay = Milliseconds(0, 300),
            ActivityTimeout = Milliseconds(1_000, 15_000),
            Faults = faults,
            Patience = Workload.All.Where(_ => _random.Below(12) == 0).ToDictionary(request => request.Index, _ => Milliseconds(0, 1_500)),
            Until = faults.Select(fault => fault.Lasts == Forever ? fault.At : fault.At + fault.Lasts).Append(span).Max() + Patience,
            Seed = seed,
        };
    }

    /// <summary>What is asked.</summary>
    public PreparedWorkload Workload { get; }

    /// <summary>Of which fleet.</summary>
    public FleetSetup Setup { get; }

    private IEnumerable<TraceSession> Conversations(ulong seed) => new ConversationWorkload
    {
        Seed = seed, Sessions = 4 + _random.Below(16), SessionRate = 0.5 + 6 * _random.NextDouble(), SystemPrompts = 1 + _random.Below(4),
        SystemTokens = new LogNormalLength(80, 0.5, 16, 400), MeanTurns = 1 + _random.Below(3), MostTurns = 5,
        UserTokens = new LogNormalLength(60, 0.8, 4, 400), OutputTokens = new LogNormalLength(24, 0.8, 1, 150),
        MeanThinkTime = TimeSpan.FromSeconds(_random.NextDouble()), MostPromptTokens = 1_500,
    }.Generate().ToList();

    /// <summary>Requests of their own, in bursts; some longer than any engine's context.</summary>
    private List<TraceSession> Lone(int contextTokens)
    {
        var lone = new List<TraceSession>();
        TimeSpan at = TimeSpan.Zero;
        for (int i = 0, count = 10 + _random.Below(90); i < count; i++)
        {
            at += _random.Below(3) == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(_random.Exponential(0.1));
            int tokens = _random.Below(20) == 0 ? contextTokens + _random.Below(500) : 1 + _random.Below(Math.Min(6_000, contextTokens * 3 / 4));
            var text = new BlockText(64, [new BlockRun(SplitMix64.Key("lone"), _random.Below(8), 1 + tokens / 64)], tokens);
            lone.Add(TraceSession.Lone(at, text, 1 + _random.Below(150)));
        }
        return lone;
    }

    private PoolOptions Options(bool calm) => new()
    {
        Name = "safety", Policy = PlacementPolicies.Names[_random.Below(PlacementPolicies.Names.Count)], TtftSlo = Milliseconds(10, calm ? 300 : 2_000),
        MaxRequestsPerInstance = 1 + _random.Below(calm ? 40 : 7), MaxHeld = _random.Below(25), MaxHoldTime = Milliseconds(0, 5_000),
        MaxAttempts = 1 + _random.Below(4), SuspectAfterFailedProbes = 1 + _random.Below(3),
        SessionIdleTime = Milliseconds(1_000, 30_000), MaxSessions = _random.Below(25), RebalanceQueued = _random.Below(2) == 0, Migration = _random.Below(4) > 0,
        PrefillTokensPerSecond = 100 << _random.Below(8), HedgeBudget = _random.Below(3) == 0 ? 0 : 0.5 * _random.NextDouble(),
    };

    private EngineFault[] Faults(int engines, int below, TimeSpan span)
    {
        FaultKind[] kinds = Enum.GetValues<FaultKind>();
        return [.. Enumerable.Range(0, _random.Below(below)).Select(_ => new EngineFault(
                _random.Below(5) == 0 ? TimeSpan.Zero : span * _random.NextDouble(), _random.Below(engines), kinds[_random.Below(kinds.Length)],
                _random.Below(8) == 0 ? Forever : TimeSpan.FromSeconds(_random.Exponential(3))))
            .OrderBy(fault => fault.At)];
    }

    private TimeSpan Milliseconds(double least, double most) => TimeSpan.FromMilliseconds(least + (most - least) * _random.NextDouble());
}
