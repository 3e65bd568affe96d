namespace FleetRouter.Domain.Tenants;

/// <summary>The single owner of a tenant's budget: what of it each gateway holds in the window that runs.</summary>
/// <remarks>The record is all there is. Whoever hosts it writes the one that an answer came from <b>before</b> the answer leaves: an account that is
/// read back then never grants a token twice. What a gateway holds counts as spent until it gives it back or the window turns, so a gateway that dies
/// takes along what it held, and no more. Windows are those of the account's clock, which is read nowhere else.</remarks>
/// <param name="Budget">The budget of the window. Another number of tokens holds at once, another length from the next window on.</param>
/// <param name="Ends">When the window ends, since the epoch; it is called by this.</param>
/// <param name="Leases">What each gateway was granted in it.</param>
public sealed record TenantAccount(TokenBudget Budget, TimeSpan Ends, IReadOnlyList<TokenLease> Leases)
{
    /// <summary>Of what is free, the part that is granted beyond what requests wait for: leases shrink as the budget runs out, so little is left lying with
    /// gateways that do not need it.</summary>
    private const int SpareShare = 4;

    /// <summary>An account nobody has asked yet.</summary>
    public static TenantAccount New { get; } = new(new TokenBudget(0, TimeSpan.Zero), TimeSpan.Zero, []);

    /// <summary>Tokens of the window that nobody holds.</summary>
    public long Free => Math.Max(0, Budget.Tokens - Leases.Sum(lease => lease.Held));

    /// <summary>Answers a gateway.</summary>
    /// <param name="ask">What it asks.</param>
    /// <param name="now">The time since the epoch. It may go back: a window that began goes on to its end.</param>
    /// <returns>The account from then on, and the answer, which must not leave before that account is written.</returns>
    public (TenantAccount Account, LeaseGrant Grant) Answer(LeaseAsk ask, TimeSpan now)
    {
        TenantAccount account = InStepWith(ask, now);
        TokenLease lease = account.Leases.FirstOrDefault(l => l.Gateway == ask.Gateway) ?? new TokenLease(ask.Gateway, 0, 0);
        bool isOfThisWindow = ask.Window == account.Ends;
        if (isOfThisWindow)
        {
            // A gateway knows of no more than was granted, unless the account's record was lost.
            long known = Math.Max(lease.Granted, ask.Granted);
            lease = lease with { Granted = known, Returned = Math.Max(lease.Returned, Math.Min(ask.Returned, known)) };
        }
        account = account.With(lease);
        long before = isOfThisWindow ? ask.Granted : 0, free = account.Free;
        long needed = Math.Clamp(before + ask.Needs - lease.Granted, 0, free);
        long spare = Math.Clamp(before + ask.Wants - lease.Granted - needed, 0, (free - needed) / SpareShare);
        lease = lease with { Granted = lease.Granted + needed + spare };
        account = account.With(lease);
        TimeSpan left = account.Ends - now < account.Budget.Per ? account.Ends - now : account.Budget.Per;
        return (account, new LeaseGrant(account.Ends, left, lease.Granted, account.Free));
    }

    /// <summary>The account in the window that runs, under the budget that holds. A window that a gateway knows is never gone back behind.</summary>
    private TenantAccount InStepWith(LeaseAsk ask, TimeSpan now)
    {
        TimeSpan ends = ask.Window is { } known && known > Ends ? known : Ends;
        if (now >= ends)
            return new TenantAccount(ask.Budget, ask.Budget.EndOfWindow(now), []);
        if (ends > Ends)
            return new TenantAccount(ask.Budget, ends, []);
        return ask.Budget.Per == Budget.Per ? this with { Budget = ask.Budget } : this;
    }

    private TenantAccount With(TokenLease lease) => this with { Leases = [.. Leases.Where(l => l.Gateway != lease.Gateway), lease] };
}

/// <summary>What of a tenant's budget one gateway was granted in a window.</summary>
/// <param name="Gateway">One life of one gateway.</param>
/// <param name="Granted">Tokens granted, all in all.</param>
/// <param name="Returned">Of these, tokens given back.</param>
public sealed record TokenLease(string Gateway, long Granted, long Returned)
{
    /// <summary>Tokens it holds or has spent.</summary>
    public long Held => Granted - Returned;
}
