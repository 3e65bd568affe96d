namespace FleetRouter.Domain.Tenants;

/// <summary>A gateway asks a tenant's account for tokens to spend, and gives back what it will not.</summary>
/// <remarks>Counts are totals of the window, not steps: an ask that comes twice, late or behind a later one changes nothing that the account does not know
/// better already, and an answer that is lost is made good by the next.</remarks>
/// <param name="Tenant">The tenant's name.</param>
/// <param name="Budget">The tenant's budget by this gateway's configuration.</param>
/// <param name="Gateway">One life of one gateway: a gateway that starts again is another, since it does not know what it spent.</param>
/// <param name="Window">The window the totals are of, as the account named it; null before its first answer.</param>
/// <param name="Granted">Tokens the gateway knows to have been granted in that window.</param>
/// <param name="Returned">Of these, tokens it has given back.</param>
/// <param name="Needs">Tokens beyond <paramref name="Granted"/> that requests wait for.</param>
/// <param name="Wants">Tokens beyond <paramref name="Granted"/> that it could use soon; those that requests wait for are among them.</param>
public sealed record LeaseAsk(string Tenant, TokenBudget Budget, string Gateway, TimeSpan? Window, long Granted, long Returned, long Needs, long Wants);

/// <summary>What a tenant's account answers.</summary>
/// <param name="Window">The window that runs: when it ends, since the epoch, by the account's clock. Later windows have greater names.</param>
/// <param name="EndsIn">Time left of it when this was answered.</param>
/// <param name="Granted">All tokens granted to the gateway in this window, those given back included.</param>
/// <param name="Free">Tokens of the window that nobody holds.</param>
public sealed record LeaseGrant(TimeSpan Window, TimeSpan EndsIn, long Granted, long Free);
