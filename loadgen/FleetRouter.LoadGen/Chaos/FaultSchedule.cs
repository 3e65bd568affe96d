using System.Globalization;
using System.Threading.Channels;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>
/// Makes engines fail while requests run. Which fault, where and how long follows from the seed; a fault comes every few
/// requests, so that a slow machine sees as many as a fast one.
/// </summary>
internal sealed class FaultSchedule(ChaosControl control, ulong seed)
{
    /// <summary>Mean number of requests between two faults that are not aimed.</summary>
    private const double MeanRequests = 9;

    /// <summary>Instances that may be out of service at once, by kills and drains.</summary>
    private const int MostOut = 3;

    private static readonly (string Kind, int Share)[] Mix =
    [
        ("kill", 14), ("restart", 8), ("cut", 30), ("stall", 8), ("reject", 12), ("empty", 10), ("slow", 6), ("unhealthy", 4), ("drain", 8),
    ];

    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _counts = Mix.ToDictionary(entry => entry.Kind, _ => 0);
    private readonly List<Task> _undone = [];
    private readonly Channel<string> _due = Channel.CreateUnbounded<string>();
    private readonly HashSet<int> _taken = [];
    private SplitMix64 _random = new(SplitMix64.Combine(seed, SplitMix64.Key("faults")));
    private double _next = MeanRequests;
    private int _started;

    /// <summary>How often each kind was made to happen.</summary>
    public IReadOnlyDictionary<string, int> Counts => _counts;

    /// <summary>The gateway took no drain.</summary>
    public bool DrainsRefused { get; private set; }

    /// <summary>A request is about to be sent: a fault may be due, or be aimed at it.</summary>
    public async Task Starting(ChaosRequest request)
    {
        string? aimed = null;
        var engine = 0;
        lock (_lock)
        {
            while (++_started >= _next)
            {
                _next += _random.Exponential(MeanRequests);
                _due.Writer.TryWrite(Draw());
            }
            if (request.Aim is { } token && _random.Below(100) < 80)
            {
                // Requests of a row end at one token, so it matters little which of them the fault strikes.
                engine = _random.Below(control.Engines);
                aimed = _random.Below(100) < 8 ? Stall(token) : Cut(token);
            }
        }
        if (aimed is not null && await control.Fault(engine, aimed).ConfigureAwait(false)) Count(aimed.Contains("stall", StringComparison.Ordinal) ? "stall" : "cut");
    }

    /// <summary>Lets the faults happen until stopped; then takes back what can be.</summary>
    public async Task Run(CancellationToken stop)
    {
        try
        {
            await foreach (var kind in _due.Reader.ReadAllAsync(stop).ConfigureAwait(false)) await Happen(kind, stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The last request has its answer.
        }
        await Task.WhenAll(_undone).ConfigureAwait(false);
        for (var engine = 0; engine < control.Engines; engine++) await control.Clear(engine).ConfigureAwait(false);
    }

    private string Draw()
    {
        var draw = _random.Below(100);
        foreach (var (kind, share) in Mix)
            if ((draw -= share) < 0) return kind;
        return Mix[^1].Kind;
    }

    private async Task Happen(string kind, CancellationToken stop)
    {
        int engine, token, times;
        double seconds;
        lock (_lock)
        {
            int[] free = [.. Enumerable.Range(0, control.Engines).Where(one => !_taken.Contains(one))];
            if (free.Length == 0) return;   // all are slow or out already
            engine = free[_random.Below(free.Length)];
            token = _random.Below(100);
            times = 1 + _random.Below(4);
            seconds = 1 + 3 * _random.NextDouble();
        }
        if (kind is "kill" or "restart" or "drain" or "unhealthy" && !await CanSpareOne().ConfigureAwait(false)) kind = "cut";
        var done = kind switch
        {
            "kill" => await control.Fault(engine, Text($"{{\"kind\":\"crash\",\"restart_after_s\":{seconds:0.00}}}")).ConfigureAwait(false),
            "restart" => await control.Fault(engine, "{\"kind\":\"restart\"}").ConfigureAwait(false),
            "stall" => await control.Fault(engine, Stall(token)).ConfigureAwait(false),
            "reject" or "empty" => await control.Fault(engine, Text($"{{\"kind\":\"{kind}\",\"times\":{times}}}")).ConfigureAwait(false),
            "slow" => await control.Fault(engine, Text($"{{\"kind\":\"slow\",\"factor\":{times + 1}}}")).ConfigureAwait(false),
            "unhealthy" => await control.Fault(engine, "{\"kind\":\"unhealthy\"}").ConfigureAwait(false),
            "drain" => await Drain(engine).ConfigureAwait(false),
            _ => await control.Fault(engine, Cut(token)).ConfigureAwait(false),
        };
        if (!done) return;
        Count(kind);
        var lasts = TimeSpan.FromSeconds(seconds);
        switch (kind)
        {
            case "slow" or "unhealthy": Later(engine, lasts, () => control.Clear(engine), stop); break;
            case "drain": Later(engine, lasts, () => control.Drain(engine, drains: false), stop); break;
            case "kill": Later(engine, lasts, () => Task.FromResult(true), stop); break;
        }
    }

    private async Task<bool> Drain(int engine)
    {
        // Answers here take a few seconds, and are to be carried over rather than let end.
        var done = await control.Drain(engine, drains: true, within: "1s").ConfigureAwait(false);
        DrainsRefused |= !done;
        return done;
    }

    /// <summary>Undoes it after a while, or at once when the run ends; the engine is left alone until then.</summary>
    private void Later(int engine, TimeSpan after, Func<Task<bool>> undo, CancellationToken stop)
    {
        lock (_lock) _taken.Add(engine);
        _undone.Add(Undo());

        async Task Undo()
        {
            await Task.Delay(after, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await undo().ConfigureAwait(false);
            lock (_lock) _taken.Remove(engine);
        }
    }

    private async Task<bool> CanSpareOne()
    {
        var instances = await control.Instances().ConfigureAwait(false);
        lock (_lock)
            return instances.Count(instance => instance.State == "ready") > control.Engines - MostOut && _taken.Count < MostOut;
    }

    private string Cut(int token)
    {
        lock (_lock) return Text($"{{\"kind\":\"cut\",\"after_tokens\":{token},\"mid_chunk\":{(_random.Below(2) == 0 ? "true" : "false")},\"times\":1}}");
    }

    private static string Stall(int token) => Text($"{{\"kind\":\"stall\",\"after_tokens\":{token},\"times\":1}}");

    private void Count(string kind)
    {
        lock (_lock) _counts[kind]++;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
