using FleetRouter.Domain.Tenants;

namespace FleetRouter.Orleans.Tenants;

/// <summary>The account of one tenant: its key is the tenant's name, its activation the only one that grants.</summary>
[Alias("fleetrouter.tenant")]
internal interface ITenantGrain : IGrainWithStringKey
{
    /// <summary>Asks for tokens to spend, and gives back what will not be spent. When it returns, what it grants is written.</summary>
    [Alias("lease")]
    Task<GrantOnWire> LeaseAsync(AskOnWire ask);
}

/// <summary>What a gateway asks of a tenant's account.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.ask")]
internal sealed record AskOnWire(
    [property: Id(0)] string Tenant, [property: Id(1)] long BudgetTokens, [property: Id(2)] TimeSpan BudgetPer, [property: Id(3)] string Gateway,
    [property: Id(4)] TimeSpan? Window, [property: Id(5)] long Granted, [property: Id(6)] long Returned, [property: Id(7)] long Needs, [property: Id(8)] long Wants)
{
    internal static AskOnWire Of(LeaseAsk a) => new(a.Tenant, a.Budget.Tokens, a.Budget.Per, a.Gateway, a.Window, a.Granted, a.Returned, a.Needs, a.Wants);

    internal LeaseAsk ToAsk() => new(Tenant, new TokenBudget(BudgetTokens, BudgetPer), Gateway, Window, Granted, Returned, Needs, Wants);
}

/// <summary>What it answers.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.grant")]
internal sealed record GrantOnWire([property: Id(0)] TimeSpan Window, [property: Id(1)] TimeSpan EndsIn, [property: Id(2)] long Granted, [property: Id(3)] long Free)
{
    internal static GrantOnWire Of(LeaseGrant g) => new(g.Window, g.EndsIn, g.Granted, g.Free);

    internal LeaseGrant ToGrant() => new(Window, EndsIn, Granted, Free);
}
