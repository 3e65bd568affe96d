using FleetRouter.Domain.Health;

namespace FleetRouter.Domain.Fleet;

/// <summary>What a pool's instances have shown together: each is taken to be like the others until it has shown otherwise.</summary>
/// <param name="prior">Prefill work a second before anything is known.</param>
internal sealed class Peers(double prior)
{
    public readonly PrefillSpeed Speed = new(prior);
    public readonly StallBound Stall = new();
}
