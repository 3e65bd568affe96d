using FleetRouter.Domain.Health;

namespace FleetRouter.Domain.Tenants;

/// <summary>A tenant's tokens at one gateway: spends from what the tenant's account granted, asks for more before it runs out, gives back what it will
/// not need.</summary>
/// <remarks>A window's tokens are spent in that window only: time left is measured from when the ask was <i>sent</i>, by a clock that does not go
/// back, so the gateway stops at or before the account's turn and the two clocks need not agree. A request counts in the window it was admitted in.</remarks>
/// <param name="tenant">The tenant's name.</param>
/// <param name="gateway">This life of this gateway; no other may ever have the same.</param>
/// <param name="budget">The tenant's budget.</param>
public sealed class TenantLedger(string tenant, string gateway, TokenBudget budget)
{
    /// <summary>Pause between two asks for what nobody waits for yet; for so long an answer is taken to be still true.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);

    /// <summary>What is held in advance is what was reserved in about this time, so the account is asked every few seconds.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromSeconds(3);

    /// <summary>An account that does not answer for so long is away, and nobody waits for it any more: a cluster that loses the silo that had it has it
    /// elsewhere in three.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Least time between two asks of which the first failed.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly Dictionary<string, (TimeSpan Window, long Tokens)> _reserved = new(StringComparer.Ordinal);
    private readonly LinkedList<(string Id, long Tokens)> _waiting = new();
    private TokenBudget _budget = budget;
    private FadingSum _recent = new(Memory);
    private AskLease? _asked;
    private TimeSpan? _window;
    private TimeSpan _until;                     // of the gateway's time, the window lasts at least so long
    private long _granted, _returned, _used;     // in this window; used is spent or reserved
    private long _free;                          // what the account had left, by its last answer …
    private TimeSpan _told;                      // … to be asked again from then on
    private TimeSpan? _silentSince;              // when the first ask was sent of those that failed in a row
    private TimeSpan _again;
    private bool _isAway, _isClosed;

    /// <summary>Tokens reserved for requests that have not ended.</summary>
    public long ReservedTokens { get; private set; }

    /// <summary>Tokens held for requests to come; below zero where requests cost more than was reserved for them.</summary>
    public long Spare => _granted - _returned - _used;

    /// <summary>Takes what happened, and appends what is to be done.</summary>
    /// <param name="happened">What happened.</param>
    /// <param name="effects">Gets what is to be done, in order.</param>
    public void Handle(LedgerEvent happened, List<LedgerEffect> effects)
    {
        TimeSpan now = happened.Now;
        switch (happened)
        {
            case ReservationAsked e:
                Arrived(e, effects);
                break;
            case ReservationSettled e:
                Settle(e);
                Admit(now, effects);
                break;
            case LeaseAnswered e:
                Take(e);
                Admit(now, effects);
                DenyWhatCannotBe(now, effects);
                break;
            case LeaseFailed e when ReferenceEquals(e.To, _asked):
                _silentSince ??= e.To.At;
                (_asked, _isAway, _told, _again) = (null, now - _silentSince >= Patience, now + Rest, e.To.At + Pause);
                Admit(now, effects);
                if (_isAway)
                    DenyAll(effects);
                break;
            case WhilePassed:
                GiveBack(now, effects);
                break;
            case BudgetChanged e:
                _budget = e.Budget;
                break;
            case LedgerClosed:
                _isClosed = true;
                break;
        }
        if (_isClosed)
            GiveBack(now, effects);
        AskForMore(now, effects);
    }

    private bool IsOpen(TimeSpan now) => _window is not null && now < _until;

    /// <summary>What can be spent now. In a window that is over nothing can, but what was spent too much in it is owed until the account says that it is over.</summary>
    private long SpareAt(TimeSpan now) => IsOpen(now) ? Spare : Math.Min(0, Spare);

    private long Ahead(TimeSpan now) => _isClosed ? 0 : (long)_recent.At(now);

    private void Arrived(ReservationAsked e, List<LedgerEffect> effects)
    {
        _recent.Add(e.Tokens, e.Now);
        if (e.Tokens > _budget.Tokens)
            effects.Add(new Denied(e.Id, DenialReason.TooLarge, null));
        else if (e.Now < _told && _isAway && e.Tokens > SpareAt(e.Now))
            effects.Add(new Denied(e.Id, DenialReason.AccountAway, Rest));
        else if (e.Now < _told && IsOpen(e.Now) && IsBeyondReach(e.Tokens, e.Now))
            effects.Add(Exhausted(e.Id, e.Now));
        else
            _waiting.AddLast((e.Id, e.Tokens));
        Admit(e.Now, effects);
    }

    private bool IsBeyondReach(long tokens, TimeSpan now) => tokens - SpareAt(now) > _free;

    private Denied Exhausted(string id, TimeSpan now) => new(id, DenialReason.Exhausted, _until - now);

    private void Settle(ReservationSettled e)
    {
        if (!_reserved.Remove(e.Id, out (TimeSpan Window, long Tokens) reservation))
        {
            if (_waiting.FirstOrDefault(w => w.Id == e.Id) is { Id: not null } waits)
                _waiting.Remove(waits);
            return;
        }
        ReservedTokens -= reservation.Tokens;
        if (reservation.Window == _window)
            _used += (e.Spent ?? reservation.Tokens) - reservation.Tokens;
    }

    private void Take(LeaseAnswered e)
    {
        LeaseGrant grant = e.Grant;
        TimeSpan until = e.To.At + grant.EndsIn;
        if (_window is null || grant.Window > _window)
            (_window, _until, _granted, _returned, _used) = (grant.Window, until, grant.Granted, 0, 0);
        else if (grant.Window == _window)
            (_until, _granted) = (until > _until ? until : _until, Math.Max(_granted, grant.Granted));
        if (!ReferenceEquals(e.To, _asked))
            return;   // late: the one under way tells better
        (_asked, _isAway, _silentSince, _told, _free) = (null, false, null, e.Now + Rest, grant.Free);
    }

    /// <summary>First come, first served.</summary>
    private void Admit(TimeSpan now, List<LedgerEffect> effects)
    {
        while (_waiting.First is { Value: var first } && IsOpen(now) && first.Tokens <= Spare)
        {
            _waiting.RemoveFirst();
            _reserved.Add(first.Id, (_window!.Value, first.Tokens));
            _used += first.Tokens;
            ReservedTokens += first.Tokens;
            effects.Add(new Reserved(first.Id));
        }
    }

    /// <summary>The account has told what is left: who needs more than that waits in vain, and who fits in behind it need not wait.</summary>
    private void DenyWhatCannotBe(TimeSpan now, List<LedgerEffect> effects)
    {
        while (_asked is null && IsOpen(now) && _waiting.First is { Value: var first } && IsBeyondReach(first.Tokens, now))
        {
            _waiting.RemoveFirst();
            effects.Add(Exhausted(first.Id, now));
            Admit(now, effects);
        }
    }

    private void DenyAll(List<LedgerEffect> effects)
    {
        foreach ((string id, _) in _waiting)
            effects.Add(new Denied(id, DenialReason.AccountAway, Rest));
        _waiting.Clear();
    }

    private void AskForMore(TimeSpan now, List<LedgerEffect> effects)
    {
        if (_asked is not null || (_silentSince is not null && now < _again))
            return;
        long spare = SpareAt(now), waiting = _waiting.Sum(w => w.Tokens), ahead = Ahead(now);
        long needs = Math.Max(0, waiting - spare);
        bool isLow = spare < ahead / 2 && IsOpen(now);
        if (_waiting.Count > 0 || now >= _told && (isLow || needs > 0))
            Ask(now, needs, Math.Max(needs, waiting + ahead - spare), effects);
    }

    private void GiveBack(TimeSpan now, List<LedgerEffect> effects)
    {
        long ahead = Ahead(now);
        if (_asked is not null || _waiting.Count > 0 || !IsOpen(now) || Spare <= 2 * ahead)
            return;
        _returned += Spare - ahead;
        Ask(now, 0, 0, effects);
    }

    private void Ask(TimeSpan now, long needs, long wants, List<LedgerEffect> effects)
    {
        _asked = new AskLease(now, new LeaseAsk(tenant, _budget, gateway, _window, _granted, _returned, needs, wants));
        effects.Add(_asked);
    }
}
