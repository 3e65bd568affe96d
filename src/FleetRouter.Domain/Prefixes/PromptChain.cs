namespace FleetRouter.Domain.Prefixes;

/// <summary>A prompt as the router sees it: the chained hashes of its full blocks. Equal hash at a depth means equal
/// prompt up to there (and equal model, adapter and cache salt, which seed the chain).</summary>
/// <remarks>The router has no tokenizer: a block is <see cref="BlockBytes"/> bytes of the prompt as the client wrote it,
/// some 64 tokens of English. How many bytes make a token a pool learns from the engines' own counts.</remarks>
/// <param name="Hashes">One hash a full block, each chained to the one before.</param>
/// <param name="Bytes">Length of the whole prompt, the unfilled last block included.</param>
/// <param name="TailHash">Hash of everything, the unfilled last block included; the key of a prompt shorter than a block.</param>
public sealed record PromptChain(ulong[] Hashes, int Bytes, ulong TailHash)
{
    /// <summary>Bytes of prompt text in one block.</summary>
    public const int BlockBytes = 256;

    /// <summary>A prompt without text, such as a call the router only passes on.</summary>
    public static readonly PromptChain Empty = new([], 0, 0);
}

/// <summary>Cuts a prompt, fed in pieces of any length, into blocks and chains their hashes. Reusable after
/// <see cref="Start"/>; not for two threads at once.</summary>
public sealed class PromptChainBuilder
{
    private readonly byte[] _partial = new byte[PromptChain.BlockBytes];
    private ulong[] _hashes = new ulong[64];
    private int _blocks, _filled, _bytes;
    private ulong _chain;

    /// <summary>Begins a prompt; <paramref name="seed"/> stands for all that must not share cache with others
    /// (model, adapter, cache salt).</summary>
    public void Start(ulong seed) => (_blocks, _filled, _bytes, _chain) = (0, 0, 0, seed);

    /// <summary>Appends a piece of the prompt.</summary>
    public void Append(ReadOnlySpan<byte> piece)
    {
        _bytes += piece.Length;
        if (_filled > 0)
        {
            int taken = Math.Min(PromptChain.BlockBytes - _filled, piece.Length);
            piece[..taken].CopyTo(_partial.AsSpan(_filled));
            _filled += taken;
            piece = piece[taken..];
            if (_filled < PromptChain.BlockBytes)
                return;
            Add(_partial);
            _filled = 0;
        }
        for (; piece.Length >= PromptChain.BlockBytes; piece = piece[PromptChain.BlockBytes..])
            Add(piece[..PromptChain.BlockBytes]);
        piece.CopyTo(_partial);
        _filled = piece.Length;
    }

    /// <summary>The chain of all that was appended since <see cref="Start"/>.</summary>
    public PromptChain Finish() => new(
        _hashes.AsSpan(0, _blocks).ToArray(), _bytes, XxHash64.Of(_partial.AsSpan(0, _filled), _chain));

    private void Add(ReadOnlySpan<byte> block)
    {
        if (_blocks == _hashes.Length)
            Array.Resize(ref _hashes, _blocks * 2);
        _chain = XxHash64.Of(block, _chain);
        _hashes[_blocks++] = _chain;
    }
}
