using System.Text.Json;
using FleetRouter.Domain.Tenants;

namespace FleetRouter.Domain.Tests.Tenants;

public sealed class TenantAccountTests
{
    private static readonly TokenBudget Hourly = new(1_000, TimeSpan.FromHours(1));
    private static readonly TimeSpan Noon = TimeSpan.FromDays(20_000) + TimeSpan.FromHours(12);

    private TenantAccount _account = TenantAccount.New;

    private LeaseGrant Ask(TimeSpan at, LeaseAsk ask)
    {
        (_account, LeaseGrant grant) = _account.Answer(ask, at);
        return grant;
    }

    private static LeaseAsk First(string gateway, long needs, long wants = 0) => new("acme", Hourly, gateway, null, 0, 0, needs, Math.Max(needs, wants));

    [Fact]
    public void Windows_begin_at_whole_multiples_of_their_length()
    {
        LeaseGrant grant = Ask(Noon + TimeSpan.FromMinutes(20), First("a", 100));
        Assert.Equal(new LeaseGrant(Noon + TimeSpan.FromHours(1), TimeSpan.FromMinutes(40), 100, 900), grant);
    }

    [Fact]
    public void What_requests_wait_for_is_granted_as_long_as_there_is_any_and_more_in_shrinking_parts()
    {
        Assert.Equal(400, Ask(Noon, First("a", 200, 5_000)).Granted);   // a quarter of the 800 left
        Assert.Equal(150, Ask(Noon, First("b", 0, 5_000)).Granted);     // of the 600 left
        Assert.Equal(450, Ask(Noon, First("c", 500)).Granted);
        Assert.Equal(0, Ask(Noon, First("d", 1)).Granted);
        Assert.Equal(0, _account.Free);
    }

    [Fact]
    public void An_ask_that_comes_again_grants_nothing_again()
    {
        LeaseGrant once = Ask(Noon, First("a", 300)), again = Ask(Noon, First("a", 300));
        Assert.Equal(once, again);
        LeaseAsk more = new("acme", Hourly, "a", once.Window, 300, 100, 50, 50);
        Assert.Equal((350L, 750L), (Ask(Noon, more).Granted, _account.Free));
        Assert.Equal((350L, 750L), (Ask(Noon, more).Granted, _account.Free));
        Assert.Equal((350L, 750L), (Ask(Noon, First("a", 300)).Granted, _account.Free));   // the first, an hour late on its way
    }

    [Fact]
    public void What_is_given_back_is_there_for_others()
    {
        LeaseGrant grant = Ask(Noon, First("a", 1_000));
        Assert.Equal(0, Ask(Noon, First("b", 400)).Granted);
        Ask(Noon, new LeaseAsk("acme", Hourly, "a", grant.Window, 1_000, 400, 0, 0));
        Assert.Equal(400, Ask(Noon, First("b", 400)).Granted);
    }

    [Fact]
    public void A_window_turns_for_all_and_never_back()
    {
        LeaseGrant grant = Ask(Noon, First("a", 1_000));
        TimeSpan turn = grant.Window;
        LeaseGrant next = Ask(turn, new LeaseAsk("acme", Hourly, "a", grant.Window, 1_000, 900, 10, 10));
        Assert.Equal((turn + Hourly.Per, 10L), (next.Window, next.Granted));
        Assert.Equal(next.Window, Ask(turn - TimeSpan.FromSeconds(1), First("b", 10)).Window);   // a clock that was put back
        Assert.Equal(980, _account.Free);
    }

    [Fact]
    public void Another_number_of_tokens_holds_at_once_and_another_length_from_the_next_window_on()
    {
        LeaseGrant grant = Ask(Noon, First("a", 1_000));
        Assert.Equal(500, Ask(Noon, First("b", 500) with { Budget = Hourly with { Tokens = 2_000 } }).Granted);
        TokenBudget daily = new(10_000, TimeSpan.FromDays(1));
        Assert.Equal(grant.Window, Ask(Noon, First("c", 5_000) with { Budget = daily }).Window);
        Assert.Equal(0, _account.Free);
        LeaseGrant other = Ask(grant.Window, First("c", 5_000) with { Budget = daily });
        Assert.Equal(daily.EndOfWindow(grant.Window), other.Window);
    }

    [Fact]
    public void An_account_whose_record_was_lost_learns_from_its_gateways()
    {
        LeaseGrant grant = Ask(Noon, First("a", 800));
        _account = TenantAccount.New;
        Ask(Noon, new LeaseAsk("acme", Hourly, "a", grant.Window, 800, 0, 0, 0));
        Assert.Equal(200, _account.Free);
        _account = TenantAccount.New;   // and its clock is behind
        Assert.Equal(grant.Window, Ask(Noon - TimeSpan.FromHours(3), new LeaseAsk("acme", Hourly, "a", grant.Window, 800, 0, 0, 0)).Window);
        Assert.Equal(200, _account.Free);
    }

    [Fact]
    public void It_is_written_and_read_as_json()
    {
        Ask(Noon, First("a", 300));
        Ask(Noon, First("b", 200));
        string json = JsonSerializer.Serialize(_account);
        TenantAccount read = JsonSerializer.Deserialize<TenantAccount>(json)!;
        Assert.Equal((_account.Budget, _account.Ends), (read.Budget, read.Ends));
        Assert.Equal(_account.Leases, read.Leases);
    }
}
