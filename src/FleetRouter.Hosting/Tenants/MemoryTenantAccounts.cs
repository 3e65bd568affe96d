using FleetRouter.Domain.Tenants;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Hosting.Tenants;

/// <summary>Accounts in this process, for its own gateway alone. They end with it, and so do their leases: a gateway that starts again has a new budget.</summary>
/// <param name="time">The clock that windows follow.</param>
public sealed class MemoryTenantAccounts(TimeProvider time) : ITenantAccounts
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, TenantAccount> _accounts = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public Task<LeaseGrant> LeaseAsync(LeaseAsk ask, CancellationToken cancellation)
    {
        lock (_gate)
        {
            (TenantAccount account, LeaseGrant grant) = _accounts.GetValueOrDefault(ask.Tenant, TenantAccount.New).Answer(ask, time.GetUtcNow() - DateTimeOffset.UnixEpoch);
            _accounts[ask.Tenant] = account;
            return Task.FromResult(grant);
        }
    }
}
