namespace FleetRouter.Domain.Tenants;

/// <summary>What a tenant may spend.</summary>
/// <param name="Tokens">Tokens of prompts and answers in one window.</param>
/// <param name="Per">Length of a window. Windows begin at whole multiples of it since the Unix epoch, in UTC.</param>
public sealed record TokenBudget(long Tokens, TimeSpan Per)
{
    /// <summary>When the window ends that a moment falls in; both since the epoch.</summary>
    public TimeSpan EndOfWindow(TimeSpan at) => TimeSpan.FromTicks((at.Ticks / Per.Ticks + 1) * Per.Ticks);
}
