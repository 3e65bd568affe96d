using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Engine;

/// <summary>A request inside the engine: how far it is and which blocks it holds.</summary>
internal sealed class EngineTask(EngineRequest request)
{
    private readonly List<ulong> _generatedBlocks = [];

    public EngineRequest Request { get; } = request;
    public RequestTimes Times { get; } = new();

    /// <summary>The blocks held, in the order of the tokens.</summary>
    public List<int> Blocks { get; } = new(request.PromptBlocks.Length + 1);

    /// <summary>Of those, blocks the shared cache has but not this engine; listed as <see cref="Elsewhere"/> until they are brought here.</summary>
    public int Remote { get; set; }

    /// <summary>Stands for a block that is in the shared cache only.</summary>
    public const int Elsewhere = -1;

    /// <summary>From when on it can be scheduled.</summary>
    public TimeSpan ReadyAt { get; set; }

    /// <summary>Tokens whose keys and values are in the cache.</summary>
    public int Computed { get; set; }

    public int Generated { get; set; }

    /// <summary>Tokens the step in flight computes for it.</summary>
    public int Scheduled { get; set; }

    /// <summary>Leading blocks that were offered to the prefix cache.</summary>
    public int Published { get; set; }

    /// <summary>While it waits: prompt tokens it need not compute and free blocks it takes, as they were when a referee first asked.</summary>
    public (int Cached, int Blocks)? Expects { get; set; }

    public bool WasScheduled { get; set; }
    public bool IsAborted { get; set; }
    public LinkedListNode<EngineTask>? Waiting { get; set; }

    /// <summary>Tokens there are: the prompt and what was generated.</summary>
    public int Tokens => Request.PromptTokens + Generated;

    /// <summary>Whether it only needs the token generated last to be computed.</summary>
    public bool Decodes => Generated > 0 && Tokens - Computed == 1;

    /// <summary>The chained hash of a full block of the prompt or of what was generated.</summary>
    public ulong HashOf(int block)
    {
        var prompt = Request.PromptBlocks;
        if (block < prompt.Length)
            return prompt[block];
        Span<uint> tokens = stackalloc uint[BlockHash.BlockSize];
        while (_generatedBlocks.Count <= block - prompt.Length)
        {
            ulong parent = _generatedBlocks.Count > 0 ? _generatedBlocks[^1] : prompt.Length > 0 ? prompt[^1] : Request.Root;
            int start = _generatedBlocks.Count * BlockHash.BlockSize;
            for (int i = 0; i < tokens.Length; i++)
            {
                int position = start + i;
                tokens[i] = position < Request.PromptTail.Length
                    ? Request.PromptTail[position]
                    : Request.OutputToken(position - Request.PromptTail.Length);
            }
            _generatedBlocks.Add(BlockHash.Next(parent, tokens));
        }
        return _generatedBlocks[block - prompt.Length];
    }
}
