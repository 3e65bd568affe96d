using System.Threading.Channels;
using FleetRouter.Domain.Fleet;
using FleetRouter.Gateway.Tests.Engines;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Gateway.Tests.Hosting;

public sealed class InstanceProberTests : IAsyncDisposable
{
    private static readonly EngineEndpoint Engine = EngineEndpoint.At(new Uri("http://127.0.0.1:9001"));
    private static readonly ProbeOptions Options = new()
    {
        Interval = TimeSpan.FromSeconds(1), Timeout = TimeSpan.FromMilliseconds(500), MaxBackoff = TimeSpan.FromSeconds(6),
    };

    private readonly ManualTime _time = new();
    private readonly TimersSeen _timers;
    private readonly ScriptedProbe _probe = new();
    private readonly PoolHost _pool;
    private readonly InstanceProber _prober;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    public InstanceProberTests()
    {
        _timers = new TimersSeen(_time);
        _pool = new PoolHost(new PoolOptions { Name = "p", SuspectAfterFailedProbes = 2 }, new HostClock(_time), (_, _) => { });
        _pool.Join(Engine);
        _prober = new InstanceProber(_pool, Engine, _probe, _timers) { Options = Options };
        _running = _prober.RunAsync(_stop.Token);
    }

    private async Task<InstanceView> InstanceAsync() => (await _pool.DescribeAsync()).Instances[0];

    /// <summary>Answers the probe under way, then moves the clock to the next one.</summary>
    /// <returns>The rest between the two, seconds.</returns>
    private async Task<double> RestAfterAsync(Action<TaskCompletionSource<EngineReport>> answer)
    {
        TaskCompletionSource<EngineReport> asked = await _probe.NextAsync();
        answer(asked);
        return (await RestTimerAsync()).TotalSeconds;
    }

    /// <summary>Waits until the prober rests, then moves the clock to the end of that.</summary>
    private async Task<TimeSpan> RestTimerAsync()
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await _timers.Created.Reader.ReadAsync(late.Token) == Options.Timeout)
        {
            // The probe's own bound, not the rest after it.
        }
        return await _time.AdvanceToNextTimerAsync();
    }

    private static void Healthy(TaskCompletionSource<EngineReport> asked) => asked.SetResult(new EngineReport(["m"]));

    private static void Unhealthy(TaskCompletionSource<EngineReport> asked) => asked.SetException(new EngineUnhealthyException("out of order"));

    [Fact]
    public async Task A_healthy_engine_is_asked_at_the_interval_give_or_take_a_tenth()
    {
        for (int i = 0; i < 5; i++)
            Assert.InRange(await RestAfterAsync(Healthy), 0.9, 1.1);
        Assert.Equal(InstanceState.Ready, (await InstanceAsync()).State);
    }

    [Fact]
    public async Task A_failing_engine_is_asked_ever_more_rarely_up_to_a_bound_and_at_the_interval_again_when_it_answers()
    {
        await RestAfterAsync(Healthy);
        foreach (double wanted in (double[])[1, 2, 4, 6, 6, 6])
            Assert.InRange(await RestAfterAsync(Unhealthy), 0.9 * wanted, 1.1 * wanted);
        InstanceView instance = await InstanceAsync();
        Assert.Equal(InstanceState.Suspect, instance.State);
        Assert.Contains("out of order", instance.Reason);
        Assert.InRange(await RestAfterAsync(Healthy), 0.9, 1.1);
        Assert.Equal(InstanceState.Ready, (await InstanceAsync()).State);
        Assert.InRange(await RestAfterAsync(Unhealthy), 0.9, 1.1);
    }

    [Fact]
    public async Task An_engine_that_does_not_answer_in_time_has_failed()
    {
        await RestAfterAsync(Healthy);
        for (int i = 0; i < 2; i++)
        {
            await _probe.NextAsync();
            Assert.Equal(Options.Timeout, await _time.AdvanceToNextTimerAsync());   // the only timer while a probe is under way
            await RestTimerAsync();
        }
        await _probe.NextAsync();
        InstanceView instance = await InstanceAsync();
        Assert.Equal(InstanceState.Suspect, instance.State);
        Assert.Contains("no answer within 0.5 s", instance.Reason);
    }

    [Fact]
    public async Task A_nudge_asks_at_once_without_the_clock_moving()
    {
        Healthy(await _probe.NextAsync());
        DateTimeOffset before = _time.GetUtcNow();
        _prober.Nudge();
        _prober.Nudge();
        Healthy(await _probe.NextAsync());
        Assert.Equal(before, _time.GetUtcNow());
    }

    [Fact]
    public async Task A_probe_that_fails_in_a_way_nobody_foresaw_is_a_failed_probe_and_not_the_last()
    {
        await RestAfterAsync(Healthy);
        await RestAfterAsync(asked => asked.SetException(new FormatException("what is this")));
        await RestAfterAsync(asked => asked.SetException(new FormatException("what is this")));
        Assert.Equal(InstanceState.Suspect, (await InstanceAsync()).State);
        await RestAfterAsync(Healthy);
        Assert.Equal(InstanceState.Ready, (await InstanceAsync()).State);
    }

    [Fact]
    public async Task Stopping_ends_it_in_the_middle_of_a_probe()
    {
        await _probe.NextAsync();
        await _stop.CancelAsync();
        await _running.WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>The manual clock, telling which timers are made on it.</summary>
    private sealed class TimersSeen(ManualTime time) : TimeProvider
    {
        public Channel<TimeSpan> Created { get; } = Channel.CreateUnbounded<TimeSpan>();

        public override DateTimeOffset GetUtcNow() => time.GetUtcNow();

        public override long TimestampFrequency => time.TimestampFrequency;

        public override long GetTimestamp() => time.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            ITimer timer = time.CreateTimer(callback, state, dueTime, period);
            Created.Writer.TryWrite(dueTime);
            return timer;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.WaitAsync(TimeSpan.FromSeconds(60));
        _pool.Dispose();
        _stop.Dispose();
    }
}

/// <summary>A probe whose every answer a test gives.</summary>
internal sealed class ScriptedProbe : IEngineProbe
{
    private readonly Channel<TaskCompletionSource<EngineReport>> _asked = Channel.CreateUnbounded<TaskCompletionSource<EngineReport>>();

    public async Task<EngineReport> ProbeAsync(Uri address, CancellationToken cancellation)
    {
        var answer = new TaskCompletionSource<EngineReport>();
        _asked.Writer.TryWrite(answer);
        return await answer.Task.WaitAsync(cancellation);
    }

    /// <summary>Waits until the engine is asked.</summary>
    public async Task<TaskCompletionSource<EngineReport>> NextAsync()
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await _asked.Reader.ReadAsync(late.Token);
    }
}
