using FleetRouter.Domain.Fleet;

namespace FleetRouter.Hosting.Ports;

/// <summary>Keeps what pools have learned for their next life. Nothing that is served waits for it.</summary>
public interface ILearnedProfiles
{
    /// <summary>What was kept last of a pool; null if nothing was, or it cannot be had now.</summary>
    Task<LearnedProfile?> RecallAsync(string pool, CancellationToken cancellation);

    /// <summary>Keeps it instead of what was kept before; where that is not possible now it is left, since more is learned soon.</summary>
    Task KeepAsync(string pool, LearnedProfile profile, CancellationToken cancellation);
}
