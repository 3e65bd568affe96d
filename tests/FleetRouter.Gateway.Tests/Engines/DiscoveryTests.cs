using System.Net;
using System.Net.Sockets;
using FleetRouter.Engines.Discovery;
using FleetRouter.Hosting.Ports;
using Microsoft.Extensions.Logging;

namespace FleetRouter.Gateway.Tests.Engines;

public sealed class DiscoveryTests
{
    private static readonly DnsName Name = new("engines.example", 8000, "http", TimeSpan.FromSeconds(5));
    private readonly ManualTime _time = new();
    private readonly TestLog _log = new();

    [Fact]
    public async Task A_fixed_list_is_told_once_in_order_without_doubles()
    {
        using var stop = new CancellationTokenSource();
        var watch = new StaticDiscovery([new("http://b:1"), new("http://a:1/"), new("http://B:1")]).WatchAsync(stop.Token).GetAsyncEnumerator(stop.Token);
        Assert.True(await watch.MoveNextAsync());
        Assert.Equal(["b:1", "a:1"], watch.Current.Select(engine => engine.Id));
        var next = watch.MoveNextAsync().AsTask();
        Assert.False(next.IsCompleted);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
    }

    [Fact]
    public async Task All_addresses_of_a_name_are_told_in_address_order_each_once()
    {
        await using var watch = Watch(() => Addresses("10.0.0.10", "fd00::2", "::ffff:10.0.0.9", "10.0.0.9", "fe80::1%3", "10.0.0.10"));
        Assert.True(await watch.MoveNextAsync());
        Assert.Equal(["10.0.0.9:8000", "10.0.0.10:8000", "[fd00::2]:8000"], watch.Current.Select(engine => engine.Id));
        Assert.Equal("http://[fd00::2]:8000/", watch.Current[^1].Address.ToString());
    }

    [Fact]
    public async Task Only_a_changed_set_is_told_again_and_lookups_keep_their_interval()
    {
        var answers = new Queue<string[]>([["10.0.0.1", "10.0.0.2"], ["10.0.0.2", "10.0.0.1"], ["10.0.0.2"]]);
        await using var watch = Watch(() => Addresses(answers.Dequeue()));
        Assert.True(await watch.MoveNextAsync());
        var next = watch.MoveNextAsync().AsTask();
        Assert.Equal(Name.Interval, await _time.AdvanceToNextTimerAsync());
        Assert.Equal(Name.Interval, await _time.AdvanceToNextTimerAsync());
        Assert.True(await next);
        Assert.Equal(["10.0.0.2:8000"], watch.Current.Select(engine => engine.Id));
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task A_name_that_fails_keeps_its_last_set_and_says_so_once()
    {
        int lookups = 0;
        await using var watch = Watch(() => ++lookups switch
        {
            2 or 3 => throw new SocketException((int)SocketError.HostNotFound),
            4 => Addresses(),
            5 => Addresses("10.0.0.1"),
            6 => Addresses("10.0.0.7"),
            _ => Addresses("10.0.0.1"),
        });
        Assert.True(await watch.MoveNextAsync());
        var next = watch.MoveNextAsync().AsTask();
        for (int lookup = 2; lookup <= 6; lookup++)
        {
            Assert.False(next.IsCompleted);
            await _time.AdvanceToNextTimerAsync();
        }
        Assert.True(await next);
        Assert.Equal(["10.0.0.7:8000"], watch.Current.Select(engine => engine.Id));
        Assert.Collection(_log.Lines,
            line => Assert.StartsWith("Warning: DNS name engines.example cannot be resolved:", line),
            line => Assert.Equal("Warning: DNS name engines.example cannot be resolved: the name has no address; keeping its last 1 engines", line),
            line => Assert.Equal("Information: DNS name engines.example resolves again, to 1 engines", line));
    }

    [Fact]
    public async Task A_resolver_that_never_answers_is_given_up_and_asked_again()
    {
        int lookups = 0;
        var discovery = new DnsDiscovery(Name, _log, _time, async (_, cancellation) =>
        {
            if (++lookups == 1) await Task.Delay(Timeout.Infinite, cancellation);
            return Addresses("10.0.0.1");
        }, () => 0);
        await using var watch = discovery.WatchAsync(default).GetAsyncEnumerator();
        var first = watch.MoveNextAsync().AsTask();
        Assert.Equal(TimeSpan.FromSeconds(10), await _time.AdvanceToNextTimerAsync());
        Assert.Equal(TimeSpan.FromSeconds(4.5), await _time.AdvanceToNextTimerAsync());
        Assert.True(await first);
        Assert.Contains("no answer within 10 s", _log.Lines[0]);
    }

    [Fact]
    public async Task The_systems_resolver_finds_localhost()
    {
        await using var watch = new DnsDiscovery(Name with { Name = "localhost" }, _log, _time).WatchAsync(default).GetAsyncEnumerator();
        Assert.True(await watch.MoveNextAsync());
        Assert.Contains(watch.Current, engine => engine.Id is "127.0.0.1:8000" or "[::1]:8000");
    }

    private IAsyncEnumerator<IReadOnlyList<EngineEndpoint>> Watch(Func<IPAddress[]> resolve) =>
        new DnsDiscovery(Name, _log, _time, (name, _) => name == Name.Name ? Task.FromResult(resolve()) : throw new ArgumentException(name), () => 0.5)
            .WatchAsync(default).GetAsyncEnumerator();

    private static IPAddress[] Addresses(params string[] addresses) => [.. addresses.Select(IPAddress.Parse)];

    private sealed class TestLog : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add($"{logLevel}: {formatter(state, exception)}");
    }
}
