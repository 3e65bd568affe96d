using System.Text.Json;
using FleetRouter.Domain.Tenants;

namespace FleetRouter.Orleans.Tenants;

/// <summary>A shell round a tenant's account. What an answer came from is written before the answer leaves; where two lives of the grain meet, the
/// version of the state lets one of them write.</summary>
internal sealed class TenantGrain([PersistentState("account")] IPersistentState<TenantGrain.Written> state, TimeProvider time) : Grain, ITenantGrain
{
    private TenantAccount _account = TenantAccount.New;

    public override Task OnActivateAsync(CancellationToken cancellation)
    {
        if (state.State.Account is { } json)
            _account = JsonSerializer.Deserialize<TenantAccount>(json)!;
        return Task.CompletedTask;
    }

    public async Task<GrantOnWire> LeaseAsync(AskOnWire ask)
    {
        (TenantAccount account, LeaseGrant grant) = _account.Answer(ask.ToAsk(), time.GetUtcNow() - DateTimeOffset.UnixEpoch);
        state.State.Account = JsonSerializer.Serialize(account);
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            DeactivateOnIdle();   // nobody can tell whether it is written: the next life reads it
            throw;
        }
        _account = account;
        return GrantOnWire.Of(grant);
    }

    /// <summary>The account as it is kept.</summary>
    [GenerateSerializer, Alias("fleetrouter.account")]
    public sealed class Written
    {
        /// <summary>The account, JSON; null before the first answer.</summary>
        [Id(0)]
        public string? Account { get; set; }
    }
}
