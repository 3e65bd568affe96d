using System.Diagnostics.Metrics;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Tenants;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;
using FleetRouter.Hosting.Tenants;

namespace FleetRouter.Gateway.Budgets;

/// <summary>The tenants of this gateway and what they may still spend.</summary>
internal sealed partial class TenantBudgets : IAsyncDisposable
{
    private static readonly ValueKind<TimeSpan> Durations = Quantities.Duration(TimeSpan.Zero, TimeSpan.MaxValue);

    /// <summary>This life of this gateway: one that starts again does not know what it spent before, so it must be another to the accounts.</summary>
    private readonly string _gateway = $"{Environment.MachineName}-{Guid.NewGuid():N}";
    private readonly ITenantAccounts _accounts;
    private readonly HostClock _clock;
    private readonly ILogger<TenantBudgets> _log;
    private readonly Counter<long> _spent, _refused, _overdrawn;
    private readonly Dictionary<string, LedgerHost> _ledgers = new(StringComparer.Ordinal);   // of all tenants there ever were
    private volatile Tenant[] _tenants = [];

    public TenantBudgets(ITenantAccounts accounts, HostClock clock, Meter meter, ILogger<TenantBudgets> log)
    {
        (_accounts, _clock, _log) = (accounts, clock, log);
        _spent = meter.CreateCounter<long>("fleetrouter_tenant_spent", "tokens", "Tokens of prompts and answers that a tenant's budget paid for.");
        _refused = meter.CreateCounter<long>("fleetrouter_tenant_refused", description: "Requests refused for a tenant's budget, by reason.");
        _overdrawn = meter.CreateCounter<long>("fleetrouter_tenant_overdrawn", "tokens", "Tokens that requests cost beyond what was reserved for them: a bound that did not hold.");
        meter.CreateObservableGauge("fleetrouter_tenant_reserved", () => _tenants.Select(t =>
            new Measurement<long>(t.Ledger.ReservedTokens, new KeyValuePair<string, object?>("tenant", t.Section.Name))), "tokens", "Tokens reserved for requests that have not ended.");
    }

    /// <summary>Brings the tenants in step with the configuration. One that is gone, and comes again, goes on with the lease it has.</summary>
    public void Apply(IReadOnlyList<TenantSection> sections) => _tenants = [.. sections.Select(section => new Tenant(section, LedgerOf(section)))];

    private LedgerHost LedgerOf(TenantSection section)
    {
        var budget = new TokenBudget(section.Tokens, section.Per);
        if (!_ledgers.TryGetValue(section.Name, out LedgerHost? ledger))
            return _ledgers[section.Name] = new LedgerHost(section.Name, _gateway, budget, _accounts, _clock, LogAway);
        if (ledger.Budget != budget)
            ledger.Change(budget);
        return ledger;
    }

    /// <summary>Reserves from a tenant's budget what a request can cost.</summary>
    /// <param name="name">The tenant.</param>
    /// <param name="body">The request's body, which gets a bound where it has none.</param>
    /// <param name="facts">What is known of it; brought in step with it.</param>
    /// <param name="api">The call.</param>
    /// <param name="templateTokens">Tokens that the chat template may add.</param>
    /// <param name="clientGone">The client's own token.</param>
    public async Task<(Reservation? Reservation, RequestFacts Facts, ErrorAnswer? Error)> ReserveAsync(
        string name, RequestBody body, RequestFacts facts, ApiKind api, int templateTokens, CancellationToken clientGone)
    {
        if (_tenants.FirstOrDefault(t => t.Section.Name == name) is not { } tenant)
            return (null, facts, ApiKeyRing.Denied);   // the configuration has just changed
        if (BudgetedBody.Bound(body, ref facts, api, tenant.Section.MaxAnswer, templateTokens, out ErrorAnswer? error) is not { } tokens)
            return (null, facts, Refused(name, error!));
        string id = RequestIds.Next();
        Denied? denied = await tenant.Ledger.ReserveAsync(id, tokens, clientGone);
        return denied is null
            ? (new Reservation(this, tenant.Ledger, id, tokens), facts, null)
            : (null, facts, Refused(name, Answer(tenant.Section, tokens, denied)));
    }

    private static ErrorAnswer Answer(TenantSection tenant, long tokens, Denied denied)
    {
        string budget = $"{tenant.Tokens} tokens per {Durations.Format(tenant.Per)}";
        return denied.Reason switch
        {
            DenialReason.Exhausted => new(429, "insufficient_quota", "insufficient_quota",
                $"This request may take {tokens} tokens, more than is left of tenant {tenant.Name}'s {budget}. Ask again when the next window begins, or for less (max_tokens).", null, denied.RetryAfter),
            DenialReason.TooLarge => ErrorAnswer.BadRequest(
                $"This request may take {tokens} tokens, more than all of tenant {tenant.Name}'s {budget}. Ask for less (max_tokens).", null, "request_over_budget"),
            _ => new(503, "service_unavailable_error", "budget-unavailable",
                $"What keeps tenant {tenant.Name}'s budget is out of reach, and what this gateway held of it is used up. Ask again soon.", null, denied.RetryAfter),
        };
    }

    private ErrorAnswer Refused(string tenant, ErrorAnswer error)
    {
        _refused.Add(1, new("tenant", tenant), new("reason", error.Code));
        return error;
    }

    /// <summary>A request has ended.</summary>
    /// <param name="reservation">What was reserved for it.</param>
    /// <param name="spent">Tokens it cost; null where nobody can tell.</param>
    internal void Settle(Reservation reservation, long? spent)
    {
        reservation.Ledger.Settle(reservation.Id, spent);
        var tenant = new KeyValuePair<string, object?>("tenant", reservation.Ledger.Tenant);
        _spent.Add(spent ?? reservation.Tokens, tenant);
        if (spent > reservation.Tokens)
            _overdrawn.Add(spent.Value - reservation.Tokens, tenant);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (LedgerHost ledger in _ledgers.Values)
            await ledger.DisposeAsync();
    }

    [LoggerMessage(EventId = 50, Level = LogLevel.Warning, Message = "The account of tenant {Tenant} does not answer: {Reason}; what this gateway holds of the budget can be spent, and then requests are refused")]
    private partial void LogAway(string tenant, string reason);

    private sealed record Tenant(TenantSection Section, LedgerHost Ledger);
}

/// <summary>What is reserved of a tenant's budget for one request.</summary>
/// <param name="Budgets">Who keeps it.</param>
/// <param name="Ledger">The tenant's ledger.</param>
/// <param name="Id">The reservation.</param>
/// <param name="Tokens">The most the request can cost.</param>
internal sealed record Reservation(TenantBudgets Budgets, LedgerHost Ledger, string Id, long Tokens)
{
    /// <summary>The request has ended.</summary>
    /// <param name="spent">Tokens it cost; null where nobody can tell.</param>
    public void Settle(long? spent) => Budgets.Settle(this, spent);
}
