using FleetRouter.LoadGen.Client;

namespace FleetRouter.LoadGen.Chaos.Cluster;

/// <summary>Watches which gateway provisions, by their metrics.</summary>
internal sealed class RoleWatch(IReadOnlyList<Uri> gateways, RunClock clock)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>Longest time in which nobody held the role, once somebody had.</summary>
    public TimeSpan LongestWithout { get; private set; }

    /// <summary>Looks at which more than one held it.</summary>
    public int HeldTwice { get; private set; }

    /// <summary>Times it moved to another gateway.</summary>
    public int Moves { get; private set; }

    public async Task Run(CancellationToken enough)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, PooledConnectionLifetime = TimeSpan.FromSeconds(2) }) { Timeout = TimeSpan.FromSeconds(1) };
        int? holder = null;
        TimeSpan? heldAt = null;
        var asked = new Task<bool>?[gateways.Count];
        while (!enough.IsCancellationRequested)
        {
            for (int i = 0; i < asked.Length; i++) asked[i] ??= Holds(http, gateways[i], enough);
            await Task.Delay(Look, enough).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            // One that is frozen does not answer for long; the others are not waited for meanwhile.
            bool[] holds = new bool[asked.Length];
            for (int i = 0; i < asked.Length; i++)
                if (asked[i] is { IsCompleted: true } answer)
                    (holds[i], asked[i]) = (await answer, null);
            if (enough.IsCancellationRequested) break;
            HeldTwice += holds.Count(held => held) > 1 ? 1 : 0;
            if (Array.IndexOf(holds, true) is >= 0 and var now)
            {
                if (heldAt is { } last && clock.Now - last > LongestWithout) LongestWithout = clock.Now - last;
                if (holder is { } before && before != now) Moves++;
                (holder, heldAt) = (now, clock.Now);
            }
        }
        if (heldAt is null || clock.Now - heldAt > LongestWithout) LongestWithout = clock.Now - (heldAt ?? TimeSpan.Zero);
    }

    private static async Task<bool> Holds(HttpClient http, Uri gateway, CancellationToken enough) =>
        (await MetricsReading.TryGet(http, gateway, enough))?.Sum("fleetrouter_provisioner") > 0;
}
