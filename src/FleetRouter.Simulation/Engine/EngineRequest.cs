using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Engine;

/// <summary>
/// One request to an engine. Of the prompt only block hashes and the tokens after the last full block are kept, which is
/// all a prefix cache needs.
/// </summary>
public sealed class EngineRequest
{
    /// <summary>Names the request; unique among those in flight.</summary>
    public required long Id { get; init; }

    /// <summary>Chained hashes of the prompt's full blocks (<see cref="BlockHash"/>).</summary>
    public required ulong[] PromptBlocks { get; init; }

    /// <summary>The prompt's tokens after its last full block; fewer than a block.</summary>
    public required uint[] PromptTail { get; init; }

    /// <summary>Parent hash of a first block: differs between adapters and cache salts.</summary>
    public ulong Root { get; init; } = BlockHash.Root();

    /// <summary>Tokens to generate; 0 for a request that ends with its prefill (an embedding).</summary>
    public required int OutputTokens { get; init; }

    /// <summary>The answer, whose tokens enter the cache as they are generated.</summary>
    public SyntheticAnswer Answer { get; init; }

    /// <summary>Index within the answer of the first token generated here: above 0 for a resumed request.</summary>
    public int AnswerStart { get; init; }

    /// <summary>The tokens generated in place of <see cref="Answer"/>'s, at least <see cref="OutputTokens"/> of them; null for the answer's.</summary>
    public uint[]? FixedAnswer { get; init; }

    /// <summary>Whatever the caller wants to find again in the events.</summary>
    public object? Owner { get; init; }

    /// <summary>Tokens of the prompt.</summary>
    public int PromptTokens => (PromptBlocks.Length * BlockHash.BlockSize) + PromptTail.Length;

    /// <summary>Generated token <paramref name="index"/>, counted from 0 in this request.</summary>
    public uint OutputToken(int index) => FixedAnswer is null ? Answer.Token(AnswerStart + index) : FixedAnswer[index];

    /// <summary>The rest of the answer, asked for with what there is of it as part of the prompt: the engine's blocks are those of the request that
    /// was answered so far.</summary>
    /// <param name="given">Tokens of the answer there are, counted from this request's first.</param>
    /// <param name="id">Names the new request.</param>
    /// <param name="outputTokens">Tokens to generate; null for all that are left.</param>
    public EngineRequest From(int given, long id, int? outputTokens = null)
    {
        var tokens = new uint[PromptTail.Length + given];
        PromptTail.CopyTo(tokens, 0);
        for (int i = 0; i < given; i++)
            tokens[PromptTail.Length + i] = OutputToken(i);
        ulong[] more = BlockHash.Chain(tokens, PromptBlocks.Length > 0 ? PromptBlocks[^1] : Root);
        return new EngineRequest
        {
            Id = id, PromptBlocks = [.. PromptBlocks, .. more], PromptTail = tokens[(more.Length * BlockHash.BlockSize)..], Root = Root,
            OutputTokens = outputTokens ?? OutputTokens - given, Answer = Answer, AnswerStart = AnswerStart + given,
            FixedAnswer = FixedAnswer?[given..], Owner = Owner,
        };
    }

    /// <summary>A request for a prompt of token ids, answered from <paramref name="answerStart"/> on.</summary>
    public static EngineRequest Of(
        long id, ReadOnlySpan<uint> prompt, int outputTokens, SyntheticAnswer answer, int answerStart = 0,
        string? salt = null, uint[]? fixedAnswer = null, object? owner = null)
    {
        ulong root = BlockHash.Root(salt);
        var blocks = BlockHash.Chain(prompt, root);
        return new EngineRequest
        {
            Id = id, PromptBlocks = blocks, PromptTail = prompt[(blocks.Length * BlockHash.BlockSize)..].ToArray(), Root = root,
            OutputTokens = outputTokens, Answer = answer, AnswerStart = answerStart, FixedAnswer = fixedAnswer, Owner = owner,
        };
    }
}
