using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Traces;

/// <summary>Consecutive block ids: First, First + 1, … (Count of them), meaning something only within Namespace.</summary>
/// <param name="Namespace">Whose ids these are: equal ids of different namespaces are different blocks.</param>
/// <param name="First">The first id.</param>
/// <param name="Count">How many ids, 1 or more.</param>
public readonly record struct BlockRun(ulong Namespace, long First, int Count);

/// <summary>
/// Text known by its blocks alone: every block is synthesised from its namespace and id, so two prompts are equal byte
/// for byte exactly as far as their block ids are. The last block is cut to the prompt's length.
/// </summary>
public sealed record BlockText : PromptText
{
    /// <summary>A text of <paramref name="tokens"/> tokens made of the blocks of <paramref name="runs"/>.</summary>
    /// <param name="blockTokens">Tokens of a full block, 1 or more.</param>
    /// <param name="runs">The blocks in order; they must hold at least <paramref name="tokens"/> tokens.</param>
    /// <param name="tokens">Length of the text in tokens.</param>
    /// <exception cref="ArgumentException">The runs are too short for the length.</exception>
    public BlockText(int blockTokens, IReadOnlyList<BlockRun> runs, int tokens)
    {
        var capacity = runs.Sum(run => (long)run.Count) * blockTokens;
        if (tokens > capacity) throw new ArgumentException($"{tokens} tokens do not fit into blocks of {capacity} tokens.");
        (BlockTokens, Runs, Tokens) = (blockTokens, runs, tokens);
    }

    /// <summary>Tokens of a full block.</summary>
    public int BlockTokens { get; }

    /// <summary>The blocks in order.</summary>
    public IReadOnlyList<BlockRun> Runs { get; }

    /// <inheritdoc/>
    public override int Tokens { get; }

    /// <summary>Length of the text in bytes, all of them ASCII.</summary>
    public int Bytes => Tokens * SyntheticText.BytesPerToken;

    /// <summary>Writes the text.</summary>
    /// <param name="seed">The run's seed: another seed gives other words and the same sharing.</param>
    /// <param name="destination">At least <see cref="Bytes"/> long.</param>
    /// <returns>The bytes written, which is <see cref="Bytes"/>.</returns>
    public int Write(ulong seed, Span<byte> destination)
    {
        var written = 0;
        var blockBytes = BlockTokens * SyntheticText.BytesPerToken;
        foreach (var run in Runs)
        {
            var space = SplitMix64.Combine(seed, run.Namespace);
            for (var i = 0; i < run.Count && written < Bytes; i++)
            {
                var length = Math.Min(blockBytes, Bytes - written);
                SyntheticText.Fill(SplitMix64.Combine(space, (ulong)(run.First + i)), destination.Slice(written, length));
                written += length;
            }
        }
        return written;
    }
}
