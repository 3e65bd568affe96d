using System.Diagnostics.Metrics;
using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Journal;

namespace FleetRouter.Gateway.Fleet;

/// <summary>Listens to what pools decide, and writes it to the decision log, the metrics and the log.</summary>
internal sealed partial class FleetTelemetry
{
    private readonly ILogger<FleetTelemetry> _log;
    private readonly Counter<long> _decisions;
    private readonly Counter<long> _refusals;
    private readonly Counter<long> _holds;
    private readonly Counter<long> _turns;
    private readonly Counter<long> _ejections;
    private readonly Histogram<double> _heldFor;
    private volatile Func<IEnumerable<RunningPool>> _pools = () => [];

    public FleetTelemetry(Meter meter, ILogger<FleetTelemetry> log)
    {
        _log = log;
        _decisions = meter.CreateCounter<long>("fleetrouter_decisions", description: "Requests dispatched, by the rule that decided.");
        _refusals = meter.CreateCounter<long>("fleetrouter_refusals", description: "Requests refused, by reason.");
        _holds = meter.CreateCounter<long>("fleetrouter_holds", description: "Requests that had to wait in the router.");
        _turns = meter.CreateCounter<long>("fleetrouter_instance_changes", description: "Turns in the lives of instances.");
        _ejections = meter.CreateCounter<long>("fleetrouter_instance_ejections", description: "Times an instance was kept out for failing, or being slow, more than its peers.");
        _heldFor = meter.CreateHistogram("fleetrouter_hold_time", "s", "Time held requests waited until they were dispatched or refused.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60] });
        meter.CreateObservableGauge("fleetrouter_held_requests", () => Each(p => p.Held), description: "Requests waiting in the router.");
        meter.CreateObservableGauge("fleetrouter_leaving_requests", () => Each(p => p.Leaving.Sum(i => i.Leases)), description: "Requests on instances that discovery no longer names.");
        meter.CreateObservableGauge("fleetrouter_session_homes", () => Each(p => p.Sessions), description: "Sessions whose home is remembered.");
        meter.CreateObservableCounter("fleetrouter_journal_events", () => EachJournal(j => j.Events), description: "Events written to the pool's journal.");
        meter.CreateObservableCounter("fleetrouter_journal_lost_events", () => EachJournal(j => j.Lost), description: "Events the journal lacks: they came faster than the disk took them, or writing failed.");
        meter.CreateObservableGauge("fleetrouter_instance_ready", () => EachInstance(i => i.State == InstanceState.Ready ? 1 : 0), description: "1 if the instance takes work.");
        meter.CreateObservableGauge("fleetrouter_instance_leases", () => EachInstance(i => i.Leases), description: "Requests this router has on the instance.");
        meter.CreateObservableGauge("fleetrouter_instance_foreign_requests", () => EachInstance(i => i.ForeignRequests), description: "Requests others have on the instance, by its own report.");
        meter.CreateObservableGauge("fleetrouter_instance_pending_prefill", () => EachInstance(i => i.PendingPrefillTokens), "tokens", "Prompt tokens dispatched to the instance that have no first token yet.");
        meter.CreateObservableGauge("fleetrouter_instance_prefix_blocks", () => EachInstance(i => i.PrefixBlocks), description: "Prompt blocks the instance's cache is believed to hold.");
    }

    public DecisionLog Decisions { get; } = new();

    /// <summary>The pools whose state the gauges show: those that this process runs.</summary>
    public void Watch(Func<IEnumerable<RunningPool>> pools) => _pools = pools;

    /// <summary>Told every effect that the host of a pool carries out.</summary>
    public void Report(string name, PoolEffect effect)
    {
        switch (effect)
        {
            case Dispatch e:
                Decisions.Add(e.Decision);
                _decisions.Add(1, new("pool", name), new("rule", KebabNames.Of(e.Decision.Rule)));
                if (e.Decision.HeldFor > TimeSpan.Zero)
                    _heldFor.Record(e.Decision.HeldFor.TotalSeconds, new KeyValuePair<string, object?>("pool", name));
                break;
            case Hedge e:
                Decisions.Add(e.Decision);
                break;
            case Refuse e:
                Decisions.Add(e.Decision);
                _refusals.Add(1, new("pool", name), new("reason", e.Refusal.Reason));
                LogRefused(e.RequestId, e.Refusal.Reason, e.Refusal.Message);
                break;
            case Held:
                _holds.Add(1, new KeyValuePair<string, object?>("pool", name));
                break;
            case InstanceChanged e:
                _turns.Add(1, new("pool", name), new("to", e.To.ToString().ToLowerInvariant()));
                LogInstance(name, e.Instance, e.From, e.To, e.Reason);
                break;
            case InstanceEjected e:
                _ejections.Add(1, new("pool", name), new("instance", e.Instance));
                break;
            case InstanceEmptied e:
                LogEmptied(name, e.Instance, e.State, e.Took.TotalSeconds);
                break;
        }
    }

    private IEnumerable<Measurement<long>> Each(Func<PoolView, long> value) =>
        Views().Select(v => new Measurement<long>(value(v), new KeyValuePair<string, object?>("pool", v.Name)));

    private IEnumerable<Measurement<long>> EachInstance(Func<InstanceView, long> value) => Views().SelectMany(v => v.Instances.Select(i =>
        new Measurement<long>(value(i), new("pool", v.Name), new("instance", i.Id))));

    private IEnumerable<Measurement<long>> EachJournal(Func<IJournal, long> value) => _pools().Where(p => p.Journal is not null).Select(p =>
        new Measurement<long>(value(p.Journal!), new KeyValuePair<string, object?>("pool", p.Host.Options.Name)));

    private IEnumerable<PoolView> Views() => _pools().Select(p => p.Host.DescribeAsync().GetAwaiter().GetResult());

    [LoggerMessage(EventId = 10, Level = LogLevel.Information, Message = "Instance {Instance} of pool {Pool} goes from {From} to {To}: {Reason}")]
    private partial void LogInstance(string pool, string instance, InstanceState from, InstanceState to, string reason);

    [LoggerMessage(EventId = 13, Level = LogLevel.Information, Message = "Instance {Instance} of pool {Pool} is empty, {Seconds:0.0} s after it became {State}")]
    private partial void LogEmptied(string pool, string instance, InstanceState state, double seconds);

    [LoggerMessage(EventId = 11, Level = LogLevel.Warning, Message = "Request {RequestId} is refused ({Reason}): {Message}")]
    private partial void LogRefused(string requestId, string reason, string message);
}
