namespace FleetRouter.Domain.Tenants;

/// <summary>Something a tenant's ledger wants done.</summary>
public abstract record LedgerEffect;

/// <summary>Ask the account; answered by <see cref="LeaseAnswered"/> or <see cref="LeaseFailed"/>, which carry this very effect.</summary>
/// <param name="At">The gateway's time, from which what is left of a window is measured: the answer was made later.</param>
/// <param name="Ask">What to ask.</param>
public sealed record AskLease(TimeSpan At, LeaseAsk Ask) : LedgerEffect;

/// <summary>A request's tokens are reserved: it may go on.</summary>
/// <param name="Id">The request.</param>
public sealed record Reserved(string Id) : LedgerEffect;

/// <summary>A request is not admitted.</summary>
/// <param name="Id">The request.</param>
/// <param name="Reason">Why.</param>
/// <param name="RetryAfter">When it is worth asking again; null where it never is.</param>
public sealed record Denied(string Id, DenialReason Reason, TimeSpan? RetryAfter) : LedgerEffect;

/// <summary>Why a request is not admitted.</summary>
public enum DenialReason
{
    /// <summary>The budget of this window is used up, or what is left of it is less than the request may cost.</summary>
    Exhausted,

    /// <summary>The request may cost more than a whole window's budget.</summary>
    TooLarge,

    /// <summary>The lease is used up, and the account did not answer.</summary>
    AccountAway,
}
