using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Placement.Rivals;

/// <summary>A session's requests always to the same instance, whatever its load: rendezvous hashing on the session's id,
/// else on the first blocks of the prompt.</summary>
/// <remarks>Session routing of vllm-project/production-stack (<c>--routing-logic session</c>) and the rendezvous policy of
/// vllm-project/router. Both go round robin without a session id; the prompt's beginning in its place is kinder.
/// Parameter <c>blocks</c>: how many (default 4, about 256 tokens of text).</remarks>
internal sealed class SessionHashPolicy(int blocks) : IPlacementPolicy
{
    public Choice Place(in PlacementQuery query)
    {
        ulong key = query.Work.Request.SessionId is { } session ? XxHash64.Of(session) : FirstBlocks.Hash(query.Work.Request.Prompt, blocks);
        Instance? best = null;
        ulong heaviest = 0;
        foreach (Instance instance in query.Ready.Instances)
        {
            ulong weight = XxHash64.Mix(instance.Anchor, key);
            if ((best is null || weight > heaviest) && query.Obstacle(instance) is null)
                (best, heaviest) = (instance, weight);
        }
        return query.Choose(best);
    }
}

/// <summary>The beginning of a prompt as a hash key.</summary>
internal static class FirstBlocks
{
    /// <summary>Hash of the first <paramref name="blocks"/> blocks, of all full ones where there are fewer, of the text
    /// where there is none.</summary>
    public static ulong Hash(PromptChain prompt, int blocks) =>
        prompt.Hashes.Length == 0 ? prompt.TailHash : prompt.Hashes[Math.Min(blocks, prompt.Hashes.Length) - 1];
}
