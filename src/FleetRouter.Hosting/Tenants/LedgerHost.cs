using FleetRouter.Domain.Tenants;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Hosting.Tenants;

/// <summary>Runs one tenant's ledger in this process: a mailbox in front of it, a clock beside it, its asks sent to the tenant's account.</summary>
public sealed class LedgerHost : IAsyncDisposable
{
    /// <summary>Longest wait for an account's answer: a request that waits for it is refused then.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan While = TimeSpan.FromSeconds(1);

    private readonly TenantLedger _ledger;
    private readonly ITenantAccounts _accounts;
    private readonly HostClock _clock;
    private readonly Action<string, string> _trouble;
    private readonly Mailbox<Action> _mailbox = new(act => act());
    private readonly List<LedgerEffect> _effects = [];
    private readonly Dictionary<string, TaskCompletionSource<Denied?>> _waiting = new(StringComparer.Ordinal);
    private readonly ITimer _while;
    private Task _asking = Task.CompletedTask;
    private bool _isAway;
    private long _reserved;

    /// <param name="tenant">The tenant's name.</param>
    /// <param name="gateway">This life of this gateway; no other may ever have the same.</param>
    /// <param name="budget">The tenant's budget.</param>
    /// <param name="accounts">Where its account is.</param>
    /// <param name="clock">The time.</param>
    /// <param name="trouble">Told, once for each time it begins, the tenant and why its account does not answer.</param>
    public LedgerHost(string tenant, string gateway, TokenBudget budget, ITenantAccounts accounts, HostClock clock, Action<string, string> trouble)
    {
        (_ledger, _accounts, _clock, _trouble) = (new TenantLedger(tenant, gateway, budget), accounts, clock, trouble);
        (Tenant, Budget) = (tenant, budget);
        _while = clock.Provider.CreateTimer(_ => Tell(now => new WhilePassed(now)), null, While, While);
    }

    /// <summary>The tenant's name.</summary>
    public string Tenant { get; }

    /// <summary>The budget in force.</summary>
    public TokenBudget Budget { get; private set; }

    /// <summary>Tokens reserved for requests that have not ended; may be read from any thread.</summary>
    public long ReservedTokens => Volatile.Read(ref _reserved);

    /// <summary>Reserves what a request can cost. Answers at once where the lease suffices.</summary>
    /// <param name="id">The request.</param>
    /// <param name="tokens">The most it can cost.</param>
    /// <param name="clientGone">The client's own token.</param>
    /// <returns>Null if it may go on, and is to be settled at its end; else why not.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="clientGone"/> fired while the account was asked; nothing is left of it.</exception>
    public async Task<Denied?> ReserveAsync(string id, long tokens, CancellationToken clientGone)
    {
        var answer = new TaskCompletionSource<Denied?>(TaskCreationOptions.RunContinuationsAsynchronously);
        _mailbox.Post(() =>
        {
            _waiting.Add(id, answer);
            Handle(new ReservationAsked(_clock.Now, id, tokens));
        });
        if (answer.Task.IsCompleted)
            return await answer.Task;
        await using CancellationTokenRegistration gone = clientGone.Register(() => _mailbox.Post(() => GiveUp(id, clientGone)));
        return await answer.Task;
    }

    private void GiveUp(string id, CancellationToken clientGone)
    {
        if (!_waiting.Remove(id, out TaskCompletionSource<Denied?>? answer))
            return;   // it has its answer
        Handle(new ReservationSettled(_clock.Now, id, 0));
        answer.SetCanceled(clientGone);
    }

    /// <summary>A request that was admitted has ended.</summary>
    /// <param name="id">The request.</param>
    /// <param name="spent">Tokens it cost; null where nobody can tell.</param>
    public void Settle(string id, long? spent) => Tell(now => new ReservationSettled(now, id, spent));

    /// <summary>The configuration gives another budget.</summary>
    public void Change(TokenBudget budget)
    {
        Budget = budget;
        Tell(now => new BudgetChanged(now, budget));
    }

    private void Tell(Func<TimeSpan, LedgerEvent> happened) => _mailbox.Post(() => Handle(happened(_clock.Now)));

    private void Handle(LedgerEvent happened)
    {
        _ledger.Handle(happened, _effects);
        Volatile.Write(ref _reserved, _ledger.ReservedTokens);
        LedgerEffect[] effects = [.. _effects];
        _effects.Clear();
        foreach (LedgerEffect effect in effects)
            if (effect is AskLease ask)
                _asking = AskAsync(ask);
            else if (effect is Reserved reserved)
                Answer(reserved.Id, null);
            else if (effect is Denied denied)
                Answer(denied.Id, denied);
    }

    private void Answer(string id, Denied? denied)
    {
        if (_waiting.Remove(id, out TaskCompletionSource<Denied?>? waits))
            waits.SetResult(denied);
    }

    private async Task AskAsync(AskLease ask)
    {
        using var late = new CancellationTokenSource(Patience, _clock.Provider);
        try
        {
            LeaseGrant grant = await _accounts.LeaseAsync(ask.Ask, late.Token).WaitAsync(late.Token);
            _mailbox.Post(() =>
            {
                _isAway = false;
                Handle(new LeaseAnswered(_clock.Now, ask, grant));
            });
        }
        catch (Exception e) when (e is not OutOfMemoryException)   // whatever it was, those who wait must hear of it
        {
            string reason = e is OperationCanceledException ? $"no answer within {Patience.TotalSeconds:0.#} s" : e.Message.ReplaceLineEndings(" ");
            _mailbox.Post(() => Fail(ask, reason));
        }
    }

    private void Fail(AskLease ask, string reason)
    {
        if (!_isAway)
            _trouble(Tenant, reason);
        _isAway = true;
        Handle(new LeaseFailed(_clock.Now, ask));
    }

    /// <summary>Gives back what is left. To be called when the requests have ended.</summary>
    public async ValueTask DisposeAsync()
    {
        await _while.DisposeAsync();
        Tell(now => new LedgerClosed(now));
        for (Task? before = null; await LastAskAsync() is var last && last != before; before = last)
            await last;   // an ask that was under way is followed by the one that gives back
    }

    private Task<Task> LastAskAsync()
    {
        var last = new TaskCompletionSource<Task>(TaskCreationOptions.RunContinuationsAsynchronously);
        _mailbox.Post(() => last.SetResult(_asking));
        return last.Task;
    }
}
