namespace FleetRouter.Hosting;

/// <summary>The probing of one instance: in this process, or wherever a cluster does it.</summary>
public interface IInstanceWatch
{
    /// <summary>Probes at once rather than at the next interval.</summary>
    void Nudge();

    /// <summary>Changes how often it is probed.</summary>
    void Change(ProbeOptions options);

    /// <summary>Ends it.</summary>
    Task StopAsync();
}
