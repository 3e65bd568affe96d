using FleetRouter.Domain.Tenants;

namespace FleetRouter.Hosting.Ports;

/// <summary>Where tenants' accounts are: in this process, in PostgreSQL where several gateways share them, or with an actor for each. One account of a
/// tenant at a time answers; each implementation hosts <see cref="TenantAccount"/>.</summary>
public interface ITenantAccounts
{
    /// <summary>Asks a tenant's account. When this returns, the account that answered is written wherever it is kept.</summary>
    /// <param name="ask">What is asked; may be asked again, and come late.</param>
    /// <param name="cancellation">Ends the wait. The account may have granted all the same; it knows what, and the next ask is told.</param>
    /// <exception cref="TenantAccountUnavailableException">The account cannot be asked now.</exception>
    Task<LeaseGrant> LeaseAsync(LeaseAsk ask, CancellationToken cancellation);
}

/// <summary>A tenant's account is out of reach, with the reason in one line.</summary>
public sealed class TenantAccountUnavailableException(string reason, Exception? inner = null) : Exception(reason, inner);
