using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Fleet;

/// <summary>A seeded life of a small, crowded, unreliable pool of several models: every kind of event, in any order.</summary>
internal sealed class RandomPoolRun
{
    private static readonly string[] Policies = [.. PlacementPolicies.Names.SelectMany(PlacementPolicies.Variants)];
    private static readonly string[] Models = ["base", "base:lora-a", "other"];

    private readonly SplitMix64 _random;
    private readonly PoolDriver _driver;
    private readonly List<PromptChain> _prompts = [];
    private readonly SortedSet<string> _joined = new(StringComparer.Ordinal);
    private readonly bool _calm;   // little breaks, so that queues can build up
    private readonly bool _hedges;
    private int _requests;

    /// <param name="seed">The seed.</param>
    /// <param name="hedges">Whether requests may be asked twice, and come with homes that other gateways know.</param>
    public RandomPoolRun(ulong seed, bool hedges = false)
    {
        _hedges = hedges;
        _random = new SplitMix64(seed);
        _calm = _random.Chance(0.3);
        PoolOptions options = Options();
        FirstOptions = options;
        _driver = new PoolDriver(options);
        Watch = new PoolWatch(options);
    }

    public PoolWatch Watch { get; }
    public DecisionDigest Digest { get; } = new();

    /// <summary>Told every event and what came of it.</summary>
    public Action<PoolEvent, IReadOnlyList<PoolEffect>>? Heard { get; init; }

    /// <summary>What the pool was told at its start.</summary>
    public PoolOptions FirstOptions { get; }

    public PoolView View => _driver.Pool.Describe();

    public RandomPoolRun Live(int events)
    {
        for (int i = 0; i < events; i++)
        {
            Pass(TimeSpan.FromMicroseconds(_random.Below(_random.Chance(0.03) ? 3_000_000 : 120_000)));
            Give(Next());
            if (i % 8 == 0)
                Watch.Compare(_driver.Pool);
        }
        return this;
    }

    /// <summary>Ends what was dispatched and rings what was asked for, until nobody is left.</summary>
    public void EndAll()
    {
        for (int round = 0; Watch.Open.Count > 0; round++)
        {
            Assert.True(round < 1_000, "requests are left that are neither dispatched nor answered in time");
            foreach (PoolWatch.Ticket ticket in Watch.Open.Where(t => t.On is not null).OrderBy(t => t.Request.Id, StringComparer.Ordinal).ToList())
                Give(new RequestEnded(_driver.Now, ticket.Request.Id, RequestEnd.Completed));
            Pass(TimeSpan.FromSeconds(1));
        }
        Watch.Compare(_driver.Pool);
    }

    private PoolEvent Next()
    {
        TimeSpan now = _driver.Now;
        if (_hedges && Watch.Open.FirstOrDefault(t => t.Second is not null) is { } twice && _random.Chance(0.2))
            return EndOfHedge(now, twice.Request.Id);
        int dice = _random.Below(1_000);
        if (_calm && dice is (>= 740 and < 830) or (>= 900 and < 940) or (>= 975 and < 990) && _random.Chance(0.95))
            dice = 830;   // a probe instead of something broken
        return dice switch
        {
            < 380 => new RequestArrived(now, Request()),
            < 560 when AnyOpen() is { } id => new RequestProgressed(now, id, 1 + _random.Below(400), TimeSpan.FromMilliseconds(_random.Below(2_000))),
            < 740 when AnyOpen() is { } id => new RequestEnded(now, id, (RequestEnd)_random.Below(4), _random.Chance(0.5) ? Usage() : null),
            < 830 when AnyOpen() is { } id => new AttemptFailed(now, id, (AttemptFailure)_random.Below(4), "went wrong", Emitted(id)),
            < 900 when AnyInstance() is { } id => new InstanceProbed(now, id, Report()),
            < 940 when AnyInstance() is { } id => new ProbeFailed(now, id, "timeout"),
            < 975 => Join(now),
            < 990 when AnyInstance() is { } id => Leave(now, id),
            < 993 when AnyInstance() is { } id => new DrainOrdered(now, id, _random.Chance(0.4)),
            < 995 when AnyOpen() is { } id => new MigrationEnded(now, id, _random.Below(50), _random.Chance(0.5) ? "given up" : null),
            < 999 => new OptionsChanged(now, Options()),
            _ => new AlarmRang(now),   // one the pool did not ask for
        };
    }

    private HedgeEnded EndOfHedge(TimeSpan now, string id) => (HedgeEnd)_random.Below(3) is var end && end == HedgeEnd.SecondWon
        ? new HedgeEnded(now, id, end)
        : new HedgeEnded(now, id, end, (AttemptFailure)_random.Below(4), "went wrong");

    private PlacementRequest Request()
    {
        PromptChain prompt = _prompts.Count > 0 && _random.Chance(0.6) ? Continue(_random.Pick(_prompts)) : Continue(PromptChain.Empty);
        _prompts.Add(prompt);
        return new PlacementRequest
        {
            Id = $"r{_requests++:00000}", Model = _random.Chance(0.02) ? "nobody serves this" : _random.Pick(Models), Prompt = prompt,
            CanMove = false,   // carrying over is held by the simulator's safety books
            Api = (ApiKind)_random.Below(5), PriorTurns = _random.Below(3),
            SessionId = _random.Chance(0.3) ? $"s{_random.Below(12)}" : null,
            Home = _hedges && _random.Chance(0.2) ? AnyInstance() : null, PriorBlocks = _hedges ? _random.Below(30) : 0,
            PromptTokens = _random.Chance(0.2) ? prompt.Bytes / 4 : null,
            MaxOutputTokens = _random.Chance(0.5) ? _random.Below(600) : null,
        };
    }

    private PromptChain Continue(PromptChain from)
    {
        int kept = _random.Chance(0.7) ? from.Hashes.Length : _random.Below(from.Hashes.Length + 1);
        int length = kept + _random.Below(_random.Chance(0.05) ? 400 : 12);
        ulong[] hashes = new ulong[length];
        from.Hashes.AsSpan(0, kept).CopyTo(hashes);
        for (int i = kept; i < length; i++)
            hashes[i] = _random.Next();
        return new PromptChain(hashes, length * PromptChain.BlockBytes + _random.Below(PromptChain.BlockBytes), _random.Next());
    }

    private EngineReport Report() => new(
        _calm ? Models : _random.Chance(0.05) ? [] : [.. Models.Where(_ => _random.Chance(0.7))],
        Running: _random.Chance(0.8) ? _random.Below(5) : null,
        Waiting: _random.Chance(0.8) ? _random.Below(3) : null,
        KvUsage: _random.Chance(0.5) ? _random.Below(101) / 100.0 : null,
        KvCapacityTokens: _random.Chance(0.5) ? 2_000 + _random.Below(60_000) : null,
        StartedAtSeconds: _random.Chance(0.3) ? _random.Below(3) : null);

    /// <summary>What the client of a request has: at times more than after the attempt before.</summary>
    private int Emitted(string id) => Watch.Open.First(t => t.Request.Id == id).Emitted + (_random.Chance(0.3) ? 1 + _random.Below(80) : 0);

    private TokenUsage Usage() => new(_random.Below(5_000), null, _random.Below(500));

    private InstanceJoined Join(TimeSpan now)
    {
        string id = $"i{_random.Below(7)}";
        _joined.Add(id);
        return new InstanceJoined(now, id);
    }

    private InstanceLeft Leave(TimeSpan now, string id)
    {
        _joined.Remove(id);
        return new InstanceLeft(now, id);
    }

    private PoolOptions Options() => new()
    {
        Name = "random", Policy = _random.Chance(0.5) ? "least-cost" : _random.Pick(Policies), TtftSlo = TimeSpan.FromMilliseconds(10 + _random.Below(2_000)),
        KvCapacityTokens = 2_000 + _random.Below(60_000), MaxRequestsPerInstance = 1 + _random.Below(_calm ? 60 : 6), MaxHeld = _random.Below(25),
        MaxHoldTime = TimeSpan.FromMilliseconds(_random.Below(6_000)), MaxAttempts = 1 + _random.Below(4),
        SuspectAfterFailedProbes = 1 + _random.Below(3), SessionIdleTime = TimeSpan.FromSeconds(1 + _random.Below(20)), MaxSessions = _random.Below(30),
        RefuseLate = _random.Chance(0.3), TtftSloPerThousandTokens = TimeSpan.FromMilliseconds(_random.Below(200)),
        InterTokenSlo = TimeSpan.FromMilliseconds(1 + _random.Below(200)), RebalanceQueued = _random.Chance(0.7), PrefillTokensPerSecond = 100 + _random.Below(4_000),
        HedgeBudget = _hedges && _random.Chance(0.9) ? _random.Below(51) / 100.0 : 0,
    };

    private string? AnyOpen() => Watch.Open.Count == 0 || _random.Chance(0.01)
        ? null
        : Watch.Open.Select(t => t.Request.Id).Order(StringComparer.Ordinal).ElementAt(_random.Below(Watch.Open.Count));

    private string? AnyInstance() => _joined.Count == 0 ? null : _joined.ElementAt(_random.Below(_joined.Count));

    private void Pass(TimeSpan time)
    {
        TimeSpan end = _driver.Now + time;
        while (_driver.NextAlarm(end) is { } alarm)
            Give(alarm);
    }

    private void Give(PoolEvent happened)
    {
        IReadOnlyList<PoolEffect> effects = _driver.Give(happened);
        foreach (PoolEffect effect in effects)
            Digest.Add(effect);
        Heard?.Invoke(happened, effects);
        Watch.Saw(happened, effects);
    }
}
