using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Health;

/// <summary>Which instances do so much worse than their peers that they had better have no work, and how many may be without.</summary>
/// <remarks>Prefill speed is not judged here: placement weighs it in seconds, so that a slow instance has as much work as it is fast, and
/// unlike GPUs may share a pool.</remarks>
internal static class Outliers
{
    /// <summary>How many times worse than its peers an instance is an outlier: gross ones only.</summary>
    public const double Times = 4;

    /// <summary>What is wrong with an instance that just failed; null if it may be bad luck.</summary>
    public static string? Failing(Instance instance, Instance[] all, TimeSpan now)
    {
        double failed = 0, attempts = 0;
        foreach (Instance peer in all)
            if (peer != instance && peer.Health.Attempts(now) is var theirs)
                (failed, attempts) = (failed + theirs.Failed, attempts + theirs.All);
        double share = attempts > 0 ? failed / attempts : 0;
        if (!instance.Health.IsFailing(share, now))
            return null;
        (double own, double ownAll) = instance.Health.Attempts(now);
        return $"{own / ownAll:0.#%} of its last attempts failed, of its peers' {share:0.#%}";
    }

    /// <summary>What is wrong with an instance that just fell; null if it is the first time for long, or if its peers fall as well.</summary>
    public static string? Falling(Instance instance, Instance[] all, TimeSpan now)
    {
        double[] peers = [.. all.Where(peer => peer != instance).Select(peer => peer.Health.Falls(now)).Order()];
        double usual = peers.Length == 0 ? 0 : peers[(peers.Length - 1) / 2];
        return instance.Health.IsFalling(usual, now) ? "it stopped answering, or was a new process, twice within minutes, unlike its peers" : null;
    }

    /// <summary>What is wrong with an instance whose answers crawl: several times slower than its peers' median, and than anybody wants.</summary>
    public static string? Slow(Instance instance, Instance[] all, PoolOptions options, TimeSpan now)
    {
        if (instance.Health.Pace.At(now) is not { } pace || pace < Times * options.InterTokenSlo.TotalSeconds)
            return null;
        double[] peers = [.. all.Where(peer => peer != instance && peer.State == InstanceState.Ready)
            .Select(peer => peer.Health.Pace.At(now)).OfType<double>().Order()];
        if (peers.Length == 0 || pace < Times * peers[peers.Length / 2])
            return null;
        return $"{pace * 1000:0} ms between its tokens, {peers[peers.Length / 2] * 1000:0} ms between its peers'";
    }

    /// <summary>Whether an instance may be kept out though it answers its probes: no more than the share of those that could serve, and
    /// another is left for each of its models.</summary>
    public static bool MayKeepOut(Instance instance, Instance[] all, double mostShare, TimeSpan now)
    {
        int ready = 0, kept = 1;
        foreach (Instance other in all)
            if (other != instance && other.State == InstanceState.Ready)
                ready++;
            else if (other != instance && IsKeptOut(other, now))
                kept++;
        return kept <= (int)(mostShare * (ready + kept))
            && instance.Models.All(model => Array.Exists(all, other => other != instance && other.Serves(model)));
    }

    /// <summary>Whether an instance answers its probes, and has no work for what it did before.</summary>
    public static bool IsKeptOut(Instance instance, TimeSpan now) => instance.State == InstanceState.Suspect && instance.Health.IsOnProbation(now);
}
