namespace FleetRouter.Domain.Tenants;

/// <summary>Something that happened to a tenant's requests at one gateway, or to its lease.</summary>
/// <param name="Now">The gateway's time, which never goes back; from any beginning.</param>
public abstract record LedgerEvent(TimeSpan Now);

/// <summary>A request is to be admitted.</summary>
/// <param name="Now">The time.</param>
/// <param name="Id">The request, new.</param>
/// <param name="Tokens">The most it can cost.</param>
public sealed record ReservationAsked(TimeSpan Now, string Id, long Tokens) : LedgerEvent(Now);

/// <summary>A request has ended, or its client left while it waited.</summary>
/// <param name="Now">The time.</param>
/// <param name="Id">The request; one that is not known is passed over.</param>
/// <param name="Spent">Tokens it cost; null where nobody can tell, which then is all that was reserved.</param>
public sealed record ReservationSettled(TimeSpan Now, string Id, long? Spent) : LedgerEvent(Now);

/// <summary>The account answered.</summary>
/// <param name="Now">The time.</param>
/// <param name="To">The ask it answers.</param>
/// <param name="Grant">The answer.</param>
public sealed record LeaseAnswered(TimeSpan Now, AskLease To, LeaseGrant Grant) : LedgerEvent(Now);

/// <summary>The account did not answer in time. It may have granted all the same, and its answer may still come.</summary>
/// <param name="Now">The time.</param>
/// <param name="To">The ask.</param>
public sealed record LeaseFailed(TimeSpan Now, AskLease To) : LedgerEvent(Now);

/// <summary>A while has passed; to be told every second or so.</summary>
/// <param name="Now">The time.</param>
public sealed record WhilePassed(TimeSpan Now) : LedgerEvent(Now);

/// <summary>The configuration gives the tenant another budget.</summary>
/// <param name="Now">The time.</param>
/// <param name="Budget">It.</param>
public sealed record BudgetChanged(TimeSpan Now, TokenBudget Budget) : LedgerEvent(Now);

/// <summary>The gateway stops, and wants nothing any more.</summary>
/// <param name="Now">The time.</param>
public sealed record LedgerClosed(TimeSpan Now) : LedgerEvent(Now);
