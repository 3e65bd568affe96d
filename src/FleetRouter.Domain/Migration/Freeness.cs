using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Migration;

/// <summary>How many more steps an instance's batch can run before its KV cache is full: the measure by which requests are carried over
/// from the least free to the freest.</summary>
/// <remarks>Llumnix (arXiv 2406.03243, Algorithm 1): F = (M − ΣV) / B, V the virtual usage of a request: what it holds if it runs; its
/// whole demand if it is the first in the engine's queue; nothing if it queues behind. A request of high priority brings headroom along,
/// shared by all of high priority there. An instance that is being emptied is never free. Told by the ledger; of the engine only how many wait
/// in its queue and how full it is with requests of others.</remarks>
internal static class Freeness
{
    /// <summary>Share of the cache kept free round requests of high priority: a batch that fills half of it decodes near the speed of an
    /// empty one (reading weights and half a cache of an 80 GB GPU with an 8B model, algorithm notes C5).</summary>
    private const double HeadroomShare = 0.5;

    /// <summary>Steps the batch can run on; below zero where what is there does not fit.</summary>
    public static double Of(Instance instance) =>
        instance.State == InstanceState.Draining ? double.NegativeInfinity : (instance.KvCapacityTokens - Usage(instance)) / Batch(instance);

    /// <summary>The same if a request of so many tokens came in addition, which pins so many more.</summary>
    public static double With(Instance instance, long tokens) =>
        (instance.KvCapacityTokens - Usage(instance) - tokens) / (Batch(instance) + 1);

    /// <summary>Requests that run, and those that take room next.</summary>
    public static int Batch(Instance instance) => Math.Max(1, instance.AllRequests - Waiting(instance));

    /// <summary>How many of those without a first token wait in the engine's queue: as many as it says, the latest dispatched.</summary>
    public static int Waiting(Instance instance) => Math.Min(instance.Prefilling.Count, instance.Report?.Waiting ?? 0);

    /// <summary>Virtual usage of all that is there, tokens.</summary>
    private static double Usage(Instance instance)
    {
        double used = instance.PinnedTokens;
        for (int place = instance.Prefilling.Count - Waiting(instance) + 1; place < instance.Prefilling.Count; place++)
            used -= instance.Prefilling[place].UncachedTokens;
        if (instance.ForeignRequests > 0 && instance.Report?.KvUsage is { } share)
            used = Math.Max(used, share * instance.KvCapacityTokens);
        return used + (instance.HighRequests > 0 ? HeadroomShare * instance.KvCapacityTokens : 0);
    }
}
