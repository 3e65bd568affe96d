using FleetRouter.Domain.Tenants;
using FleetRouter.Gateway.Tests.Engines;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;
using FleetRouter.Hosting.Tenants;

namespace FleetRouter.Gateway.Tests.Hosting;

public sealed class LedgerHostTests
{
    private static readonly TokenBudget Hourly = new(1_000, TimeSpan.FromHours(1));

    private readonly ManualTime _time = new();
    private readonly ScriptedAccounts _accounts = new();
    private readonly List<string> _troubles = [];

    private LedgerHost Host() => new("acme", "gateway", Hourly, _accounts, new HostClock(_time), (tenant, reason) => _troubles.Add($"{tenant}: {reason}"));

    [Fact]
    public async Task A_request_waits_for_the_account_and_the_next_is_paid_from_the_lease()
    {
        await using LedgerHost host = Host();
        Task<Denied?> first = host.ReserveAsync("a", 100, CancellationToken.None);
        Assert.False(first.IsCompleted);
        _accounts.Answer(granted: 300);
        Assert.Null(await first);
        Assert.Equal(100, host.ReservedTokens);
        Assert.Null(await host.ReserveAsync("b", 150, CancellationToken.None));
        host.Settle("a", 10);
        host.Settle("b", 10);
        Assert.Equal(0, host.ReservedTokens);
        _accounts.AnswersAtOnce = true;
    }

    [Fact]
    public async Task A_client_that_leaves_while_the_account_is_asked_leaves_nothing_behind()
    {
        await using LedgerHost host = Host();
        using var client = new CancellationTokenSource();
        Task<Denied?> waits = host.ReserveAsync("a", 100, client.Token);
        await client.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waits);
        _accounts.Answer(granted: 100);
        Assert.Equal(0, host.ReservedTokens);
        Assert.Null(await host.ReserveAsync("b", 100, CancellationToken.None));
        _accounts.AnswersAtOnce = true;
    }

    [Fact]
    public async Task An_account_that_fails_or_is_silent_is_told_once_and_refuses_who_waits()
    {
        await using LedgerHost host = Host();
        Task<Denied?> waits = host.ReserveAsync("a", 100, CancellationToken.None);
        _accounts.Fail(new TenantAccountUnavailableException("it is away"));
        Assert.Equal(DenialReason.AccountAway, (await AnsweredAsync(waits))!.Reason);
        Assert.Equal(TimeSpan.FromSeconds(5), _time.GetUtcNow() - DateTimeOffset.UnixEpoch);   // it might have been back
        Assert.Equal(DenialReason.AccountAway, (await AnsweredAsync(host.ReserveAsync("b", 100, CancellationToken.None)))!.Reason);
        Assert.Equal(["acme: it is away"], _troubles);
    }

    /// <summary>Lets time pass until a request is answered.</summary>
    private async Task<Denied?> AnsweredAsync(Task<Denied?> waits)
    {
        while (!waits.IsCompleted)
            await Task.WhenAny(waits, _time.AdvanceToNextTimerAsync());
        return await waits;
    }

    [Fact]
    public async Task A_host_that_ends_gives_back_what_is_left()
    {
        LedgerHost host = Host();
        Task<Denied?> first = host.ReserveAsync("a", 100, CancellationToken.None);
        _accounts.Answer(granted: 300);
        Assert.Null(await first);
        host.Settle("a", 40);
        _accounts.AnswersAtOnce = true;
        await host.DisposeAsync();
        Assert.Equal(260, _accounts.Asked!.Returned);
    }

    /// <summary>Accounts that answer when the test says so.</summary>
    private sealed class ScriptedAccounts : ITenantAccounts
    {
        private TaskCompletionSource<LeaseGrant> _answer = new();

        public bool AnswersAtOnce { get; set; }

        public LeaseAsk? Asked { get; private set; }

        public Task<LeaseGrant> LeaseAsync(LeaseAsk ask, CancellationToken cancellation)
        {
            Asked = ask;
            _answer = new();
            if (AnswersAtOnce)
                Answer(ask.Granted);
            return _answer.Task;
        }

        public void Answer(long granted) => _answer.SetResult(new LeaseGrant(TimeSpan.FromDays(20_000), TimeSpan.FromMinutes(30), granted, 1_000 - granted));

        public void Fail(Exception trouble) => _answer.SetException(trouble);
    }
}
