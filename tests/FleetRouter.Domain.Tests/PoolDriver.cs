using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests;

/// <summary>Plays the host of a pool in virtual time: feeds events, rings the alarms it asks for, keeps its effects.</summary>
internal sealed class PoolDriver
{
    public const string Model = "llama";
    private int _requests;

    public PoolDriver(PoolOptions? options = null)
    {
        Options = options ?? new PoolOptions { Name = "test", Policy = "dual-hash" };
        Pool = new Pool(Options);
    }

    public PoolOptions Options { get; private set; }
    public Pool Pool { get; }
    public TimeSpan Now { get; private set; }
    public TimeSpan? Alarm { get; private set; }

    /// <summary>All effects so far.</summary>
    public List<PoolEffect> Effects { get; } = [];

    /// <summary>A pool whose instances are all ready for <see cref="Model"/>.</summary>
    public static PoolDriver WithReady(PoolOptions? options, params string[] instances)
    {
        var driver = new PoolDriver(options);
        foreach (string instance in instances)
            driver.MakeReady(instance);
        return driver;
    }

    public void MakeReady(string instance, params string[] models)
    {
        Give(new InstanceJoined(Now, instance));
        Probe(instance, models);
    }

    /// <summary>An idle engine answers its probe.</summary>
    public void Probe(string instance, params string[] models) =>
        Give(new InstanceProbed(Now, instance, Report(models)));

    public static EngineReport Report(params string[] models) => new(models.Length == 0 ? [Model] : models);

    /// <summary>Handles one event; its effects are also the last of <see cref="Effects"/>.</summary>
    public IReadOnlyList<PoolEffect> Give(PoolEvent happened)
    {
        var effects = new List<PoolEffect>();
        Pool.Handle(happened, effects);
        Effects.AddRange(effects);
        if (happened is OptionsChanged changed)
            Options = changed.Options;
        foreach (WakeAt wish in effects.OfType<WakeAt>())
            Alarm = wish.At;
        return effects;
    }

    /// <summary>Lets time pass, ringing on the way what alarms fall due.</summary>
    public IReadOnlyList<PoolEffect> Advance(TimeSpan by)
    {
        TimeSpan end = Now + by;
        int before = Effects.Count;
        while (NextAlarm(end) is { } alarm)
            Give(alarm);
        return Effects[before..];
    }

    /// <summary>Moves time on to the next alarm up to <paramref name="end"/> and takes it; null, and the time is
    /// <paramref name="end"/>, if none is due.</summary>
    public AlarmRang? NextAlarm(TimeSpan end)
    {
        if (Alarm is not { } due || due > end)
        {
            Now = end;
            return null;
        }
        Now = due > Now ? due : Now;
        Alarm = null;
        return new AlarmRang(Now);
    }

    public IReadOnlyList<PoolEffect> Advance(double seconds) => Advance(TimeSpan.FromSeconds(seconds));

    /// <summary>A request arrives; returns the pool's first answer to it.</summary>
    public PoolEffect Arrive(PlacementRequest request) => Give(new RequestArrived(Now, request)).First(e => e switch
    {
        Dispatch d => d.RequestId == request.Id,
        Held h => h.RequestId == request.Id,
        Refuse r => r.RequestId == request.Id,
        _ => false,
    });

    /// <summary>A request arrives that the pool must place at once.</summary>
    public Dispatch Place(PlacementRequest request) => Assert.IsType<Dispatch>(Arrive(request));

    public IReadOnlyList<PoolEffect> Progress(string request, int tokens = 1) => Give(new RequestProgressed(Now, request, tokens));

    public IReadOnlyList<PoolEffect> End(string request, RequestEnd end = RequestEnd.Completed, TokenUsage? usage = null) =>
        Give(new RequestEnded(Now, request, end, usage));

    public IReadOnlyList<PoolEffect> Fail(string request, AttemptFailure failure, string reason = "connection refused") =>
        Give(new AttemptFailed(Now, request, failure, reason));

    /// <summary>Places a request, ends it at once, before a first token teaches the speed, and returns where it went.</summary>
    public Dispatch Serve(PlacementRequest request)
    {
        Dispatch dispatch = Place(request);
        End(request.Id);
        return dispatch;
    }

    /// <summary>A chat request with an id of its own.</summary>
    public PlacementRequest Request(PromptChain? prompt = null, string? session = null, string model = Model, int? output = null, int turns = 0) => new()
    {
        Id = $"r{_requests++}", Model = model, Api = ApiKind.Chat, Prompt = prompt ?? PromptChain.Empty,
        SessionId = session, MaxOutputTokens = output, PriorTurns = turns,
    };

    public InstanceView View(string instance) => Pool.Describe().Instances.Single(i => i.Id == instance);
}
