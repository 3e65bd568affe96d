namespace FleetRouter.Orleans.Instances;

/// <summary>The prober of one engine, for the whole cluster: its key is <c>pool/instance</c>.</summary>
[Alias("fleetrouter.prober")]
internal interface IInstanceGrain : IGrainWithStringKey
{
    /// <summary>Probes the engine from now on, for as long as this is said again.</summary>
    [Alias("watch")]
    Task WatchAsync(string pool, string instance, Uri address, TimeSpan interval, TimeSpan timeout, TimeSpan maxBackoff);

    /// <summary>Probes at once.</summary>
    [Alias("nudge")]
    Task NudgeAsync();

    /// <summary>Ends it.</summary>
    [Alias("stop")]
    Task StopAsync();
}
