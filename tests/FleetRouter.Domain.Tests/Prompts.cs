using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests;

/// <summary>Prompts made of named stretches of blocks: two prompts share cache exactly as far as they begin with the same stretches.</summary>
internal static class Prompts
{
    /// <summary>The chain of the stretches, each a content and its length in blocks.</summary>
    public static PromptChain Of(params (ulong Content, int Blocks)[] stretches)
    {
        var hashes = new List<ulong>();
        ulong chain = 0;
        foreach ((ulong content, int blocks) in stretches)
            for (int i = 0; i < blocks; i++)
                hashes.Add(chain = XxHash64.Mix(chain ^ content, (ulong)i + 1));
        return new PromptChain([.. hashes], hashes.Count * PromptChain.BlockBytes, chain);
    }
}
