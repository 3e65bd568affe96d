using FleetRouter.Domain.Fleet;

namespace FleetRouter.Hosting.Ports;

/// <summary>Asks one engine how it is. Implemented once for each kind of engine.</summary>
public interface IEngineProbe
{
    /// <summary>Health, served models and load of the engine at <paramref name="address"/>.</summary>
    /// <returns>The engine's report.</returns>
    /// <exception cref="EngineUnhealthyException">The engine answered, but not as a healthy one, or did not answer at all;
    /// the message names the call and what was wrong, in one line.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> fired.</exception>
    Task<EngineReport> ProbeAsync(Uri address, CancellationToken cancellation);
}

/// <summary>An engine that should not be given work, with the reason in one line.</summary>
public sealed class EngineUnhealthyException(string reason, Exception? inner = null) : Exception(reason, inner);
