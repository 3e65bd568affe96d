using System.Collections.Concurrent;
using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;
using FleetRouter.Orleans.Pools;
using FleetRouter.Orleans.Wire;

namespace FleetRouter.Orleans.Instances;

/// <summary>Probing as a cluster does it: pools ask for it, wherever they are; what this silo's probers find goes to the pools in batches.</summary>
internal sealed class ProbesOfCluster(IGrainFactory grains, TimeProvider time)
{
    /// <summary>How often a pool says again what is to be probed: so long a prober lost with its silo is missed.</summary>
    public static readonly TimeSpan Renewal = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, Reports> _reports = new(StringComparer.Ordinal);

    /// <summary>Where a prober's findings about a pool's instance go.</summary>
    public IInstanceReports To(string pool) => _reports.GetOrAdd(pool, name => new Reports(grains.GetGrain<IPoolGrain>(name), time));

    /// <summary>Has an instance probed somewhere in the cluster.</summary>
    public IInstanceWatch Watch(string pool, EngineEndpoint endpoint, ProbeOptions options) =>
        new Watched(grains.GetGrain<IInstanceGrain>($"{pool}/{endpoint.Id}"), pool, endpoint, options, time);

    private sealed class Reports(IPoolGrain pool, TimeProvider time) : IInstanceReports
    {
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

        private readonly Outbox<ProbeOnWire> _found = new(async batch =>
        {
            try
            {
                await pool.ReportAsync(batch).WaitAsync(Patience, time);
            }
            catch (Exception)
            {
                // The next probe tells it anew.
            }
        });

        public void Probed(string instance, EngineReport report) => _found.Post(ProbeOnWire.Of(instance, report));

        public void ProbeFailed(string instance, string reason) => _found.Post(new ProbeOnWire { Instance = instance, Failure = reason });
    }

    private sealed class Watched : IInstanceWatch
    {
        private readonly IInstanceGrain _prober;
        private readonly string _pool;
        private readonly EngineEndpoint _endpoint;
        private readonly TimeProvider _time;
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _saying;
        private volatile ProbeOptions _options;

        public Watched(IInstanceGrain prober, string pool, EngineEndpoint endpoint, ProbeOptions options, TimeProvider time)
        {
            (_prober, _pool, _endpoint, _options, _time) = (prober, pool, endpoint, options, time);
            _saying = Task.Run(SayAsync);
        }

        public void Nudge() => _prober.NudgeAsync().Ignore();

        public void Change(ProbeOptions options) => _options = options;

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await _saying.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _prober.StopAsync().Ignore();
        }

        private async Task SayAsync()
        {
            while (!_stop.IsCancellationRequested)
            {
                ProbeOptions often = _options;
                await _prober.WatchAsync(_pool, _endpoint.Id, _endpoint.Address, often.Interval, often.Timeout, often.MaxBackoff).WaitAsync(Renewal, _time, _stop.Token)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await Task.Delay(Renewal, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
