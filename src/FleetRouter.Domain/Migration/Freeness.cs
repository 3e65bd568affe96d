using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Migration;

/// <summary>How many more steps an instance's batch can run before its KV cache is full: the measure by which requests are carried over
/// from the least free to the freest.</summary>
/// <remarks>Llumnix (arXiv 2406.03243, Algorithm 1): F = (M − ΣV) / B, V the virtual usage of a request: what it holds if it runs; its
/// whole demand if it is the first in the engine's queue; nothing if it queues behind. Requests of high priority have headroom round them,
/// one for all of them. An instance that is being emptied is never free. Told by the ledger; of the engine only how many wait
/// in its queue and how full it is with requests of others.</remarks>
internal static class Freeness
{
    /// <summary>Steps kept free for a batch with a request of high priority, as many again as make an instance a source: it is relieved before the
    /// engine takes somebody's cache away. Llumnix keeps more, so that the batch stays small: its moves cost next to nothing,
    /// ours a prefill, which a slightly faster step does not bring in.</summary>
    private const int HeadroomSteps = Relief.OutSteps;

    /// <summary>Steps the batch can run on; below zero where what is there does not fit.</summary>
    public static double Of(Instance instance) => instance.State == InstanceState.Draining
        ? double.NegativeInfinity : (instance.KvCapacityTokens - Usage(instance)) / Batch(instance) - Headroom(instance);

    /// <summary>The same if an answer came in addition that pins so many tokens more.</summary>
    public static double With(Instance instance, long tokens) => Room(instance, tokens) - Headroom(instance);

    /// <summary>The same, whoever has priority there.</summary>
    public static double Room(Instance instance, long tokens) =>
        (instance.KvCapacityTokens - Usage(instance) - tokens) / (Batch(instance) + 1);

    private static int Headroom(Instance instance) => instance.HighRequests > 0 ? HeadroomSteps : 0;

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
        return used;
    }
}
