using FleetRouter.Domain.Tenants;

namespace FleetRouter.Domain.Tests.Tenants;

public sealed class TenantLedgerTests
{
    private static readonly TokenBudget Hourly = new(10_000, TimeSpan.FromHours(1));
    private static readonly TimeSpan Window = TimeSpan.FromDays(20_000);

    private readonly TenantLedger _ledger = new("acme", "gateway-1", Hourly);

    private List<LedgerEffect> Give(LedgerEvent happened)
    {
        List<LedgerEffect> effects = [];
        _ledger.Handle(happened, effects);
        return effects;
    }

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    private List<LedgerEffect> Answer(AskLease ask, double at, long granted, long free, double endsIn = 600) =>
        Give(new LeaseAnswered(At(at), ask, new LeaseGrant(Window, At(endsIn), granted, free)));

    /// <summary>A ledger with a lease that was asked for at 0 s, of which the first request took 100 tokens.</summary>
    private void Open(long granted = 1_000, long free = 5_000, double endsIn = 600)
    {
        AskLease ask = Assert.IsType<AskLease>(Assert.Single(Give(new ReservationAsked(At(0), "first", 100))));
        Assert.Contains(new Reserved("first"), Answer(ask, 0, granted, free, endsIn));
    }

    [Fact]
    public void A_request_waits_for_the_account_only_where_the_lease_does_not_suffice()
    {
        AskLease ask = Assert.IsType<AskLease>(Assert.Single(Give(new ReservationAsked(At(0), "a", 100))));
        Assert.Equal((100L, null), (ask.Ask.Needs, ask.Ask.Window));
        Assert.Empty(Give(new ReservationAsked(At(0), "b", 50)));   // one ask at a time
        List<LedgerEffect> then = Answer(ask, 0.01, 110, 5_000);
        Assert.Equal(new Reserved("a"), then[0]);
        AskLease second = Assert.IsType<AskLease>(then[1]);
        Assert.Equal((40L, 110L, Window), (second.Ask.Needs, second.Ask.Granted, second.Ask.Window));
        Assert.Contains(new Reserved("b"), Answer(second, 0.02, 400, 5_000));
        Assert.Contains(new Reserved("c"), Give(new ReservationAsked(At(0.03), "c", 200)));
    }

    [Fact]
    public void What_was_not_spent_can_be_spent_by_others()
    {
        Open(granted: 1_000);
        Give(new ReservationAsked(At(0), "long", 900));
        Give(new ReservationSettled(At(1), "long", 50));
        Assert.Equal((850L, 100L), (_ledger.Spare, _ledger.ReservedTokens));
        Give(new ReservationSettled(At(1), "first", null));   // nobody can tell: all of it
        Assert.Equal((850L, 0L), (_ledger.Spare, _ledger.ReservedTokens));
    }

    [Fact]
    public void Over_the_budget_it_is_said_when_the_window_turns_and_the_account_is_left_alone_for_a_while()
    {
        Open(granted: 100, free: 200, endsIn: 600);
        AskLease ask = Assert.IsType<AskLease>(Assert.Single(Give(new ReservationAsked(At(2), "a", 300))));
        List<LedgerEffect> then = Answer(ask, 2.5, 100, 200, endsIn: 598);
        Assert.Equal(new Denied("a", DenialReason.Exhausted, At(600) - At(2.5)), Assert.Single(then));
        Assert.Equal([new Denied("b", DenialReason.Exhausted, At(597.25))], Give(new ReservationAsked(At(2.75), "b", 300)));
        Assert.IsType<AskLease>(Assert.Single(Give(new ReservationAsked(At(2.75), "small", 150))));
    }

    [Fact]
    public void A_small_request_is_not_held_up_by_a_large_one_that_has_no_chance()
    {
        Open(granted: 100, free: 0);
        AskLease ask = Assert.IsType<AskLease>(Assert.Single(Give(new ReservationAsked(At(2), "large", 300))));
        Give(new ReservationAsked(At(2), "small", 50));
        List<LedgerEffect> then = Answer(ask, 2, 160, 0);
        Assert.IsType<Denied>(then[0]);
        Assert.Equal(new Reserved("small"), then[1]);
    }

    [Fact]
    public void What_no_window_could_pay_is_refused_for_good() =>
        Assert.Equal([new Denied("a", DenialReason.TooLarge, null)], Give(new ReservationAsked(At(0), "a", 10_001)));

    [Fact]
    public void Without_its_account_it_spends_its_lease_and_no_more()
    {
        Open(granted: 200);
        AskLease ask = Assert.IsType<AskLease>(Assert.Single(Give(new ReservationAsked(At(2), "a", 150))));
        for (int failed = 3; failed < 7; failed++)
            ask = Assert.IsType<AskLease>(Assert.Single(Give(new LeaseFailed(At(failed), ask))));
        Assert.Equal([new Denied("a", DenialReason.AccountAway, At(1))], Give(new LeaseFailed(At(7), ask)));
        Assert.Contains(new Reserved("b"), Give(new ReservationAsked(At(7.1), "b", 60)));
        Assert.Contains(new Denied("c", DenialReason.AccountAway, At(1)), Give(new ReservationAsked(At(7.2), "c", 60)));
        // The answer that was given up comes all the same.
        Answer(ask, 7.3, 500, 5_000);
        Assert.Contains(new Reserved("d"), Give(new ReservationAsked(At(7.4), "d", 60)));
    }

    [Fact]
    public void Who_waits_for_an_account_that_is_only_moving_waits_on()
    {
        Open(granted: 200);
        AskLease ask = Assert.IsType<AskLease>(Assert.Single(Give(new ReservationAsked(At(2), "a", 150))));
        Assert.Empty(Give(new LeaseFailed(At(2.01), ask)));   // at once: to ask again at once would be a hail of asks
        Assert.Empty(Give(new ReservationAsked(At(2.2), "b", 60)));
        ask = Assert.IsType<AskLease>(Assert.Single(Give(new WhilePassed(At(3)))));
        ask = Assert.IsType<AskLease>(Assert.Single(Give(new LeaseFailed(At(4), ask))));
        Assert.Equal([new Reserved("a"), new Reserved("b")], Answer(ask, 4.1, 500, 5_000).OfType<Reserved>());
    }

    [Fact]
    public void A_lease_ends_with_its_window_counted_from_when_it_was_asked_for()
    {
        AskLease ask = Assert.IsType<AskLease>(Assert.Single(Give(new ReservationAsked(At(10), "a", 10))));
        Answer(ask, 10.9, 500, 5_000, endsIn: 5);
        Assert.Contains(new Reserved("b"), Give(new ReservationAsked(At(14.9), "b", 10)));
        Assert.DoesNotContain(new Reserved("c"), Give(new ReservationAsked(At(15), "c", 10)));
    }

    [Fact]
    public void What_is_not_needed_any_more_goes_back()
    {
        Open(granted: 1_000);
        Give(new ReservationSettled(At(1), "first", 100));
        AskLease back = Assert.IsType<AskLease>(Assert.Single(Give(new WhilePassed(At(60)))));
        Assert.Equal((900L, 0L, 0L), (back.Ask.Returned, back.Ask.Needs, back.Ask.Wants));
        Assert.Equal(0, _ledger.Spare);
        Answer(back, 60, 1_000, 5_900);
        Assert.Equal(0, _ledger.Spare);
        Assert.Empty(Give(new WhilePassed(At(61))));
    }

    [Fact]
    public void A_gateway_that_stops_gives_all_back_to_the_end()
    {
        Open(granted: 1_000);
        AskLease back = Assert.IsType<AskLease>(Assert.Single(Give(new LedgerClosed(At(1)))));
        Assert.Equal(900, back.Ask.Returned);
        Answer(back, 1, 1_000, 5_900);
        back = Assert.IsType<AskLease>(Assert.Single(Give(new ReservationSettled(At(2), "first", 30))));
        Assert.Equal(970, back.Ask.Returned);
    }

    [Fact]
    public void What_cost_more_than_was_reserved_is_taken_from_what_is_left()
    {
        Open(granted: 100, free: 5_000);
        List<LedgerEffect> effects = Give(new ReservationSettled(At(2), "first", 130));
        AskLease ask = Assert.IsType<AskLease>(Assert.Single(effects));
        Assert.Equal(30, ask.Ask.Needs);
        Assert.Equal(-30, _ledger.Spare);
        Answer(ask, 2, 130, 4_970);
        Assert.Equal(0, _ledger.Spare);
    }
}
