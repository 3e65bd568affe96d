using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Placement;

/// <summary>A request as the pool judges it: facts only, no prompt text.</summary>
public sealed record PlacementRequest
{
    /// <summary>The router's own id of the request, unique among all in flight.</summary>
    public required string Id { get; init; }

    /// <summary>The id the client gave it, if any; clients repeat theirs, so nothing is keyed by it.</summary>
    public string? ClientId { get; init; }

    /// <summary>The gateway it came by, where the pool serves several; null where it serves one.</summary>
    public string? Gateway { get; init; }

    /// <summary>The model or adapter the client named.</summary>
    public required string Model { get; init; }

    /// <summary>The API called.</summary>
    public required ApiKind Api { get; init; }

    /// <summary>The prompt's block hashes.</summary>
    public PromptChain Prompt { get; init; } = PromptChain.Empty;

    /// <summary>Exact prompt length in tokens, where the client sent token ids.</summary>
    public int? PromptTokens { get; init; }

    /// <summary>Most output tokens the client asks for, if it says.</summary>
    public int? MaxOutputTokens { get; init; }

    /// <summary>The conversation's id from a header or the body, if the client gives one.</summary>
    public string? SessionId { get; init; }

    /// <summary>The instance the session's last turn ran on, as another gateway knows it; counts where the pool knows of none itself.</summary>
    public string? Home { get; init; }

    /// <summary>Answers of the assistant in the prompt: 0 at a conversation's first turn.</summary>
    public int PriorTurns { get; init; }

    /// <summary>Leading blocks of the prompt that the turn before had too: those before the last answer in it.</summary>
    public int PriorBlocks { get; init; }

    /// <summary>Whether the client offers the model tools.</summary>
    public bool HasTools { get; init; }

    /// <summary>How much it comes before others: above 0 is high, and goes first wherever requests wait. Default 0.</summary>
    public int Priority { get; init; }

    /// <summary>Whether its answer may go on where another instance left it, so that it may be carried over while it runs. Default true.</summary>
    public bool CanMove { get; init; } = true;

    /// <summary>Whether it may be asked of two instances until one has its first token, of which the pool is told. Default true.</summary>
    public bool CanHedge { get; init; } = true;
}

/// <summary>The API a request came by.</summary>
public enum ApiKind
{
    /// <summary><c>/v1/chat/completions</c>.</summary>
    Chat,

    /// <summary><c>/v1/completions</c>.</summary>
    Completion,

    /// <summary><c>/v1/responses</c>.</summary>
    Response,

    /// <summary><c>/v1/embeddings</c>.</summary>
    Embedding,

    /// <summary>Any other call that names a model.</summary>
    Other,
}

/// <summary>Kinds of workload, told apart because they reuse their prefixes so differently.</summary>
public enum WorkloadKind
{
    /// <summary>A prompt with no history and no tools.</summary>
    SingleTurn,

    /// <summary>A later turn of a conversation.</summary>
    Conversation,

    /// <summary>A prompt that offers tools: long, growing, and mostly reused.</summary>
    Agent,

    /// <summary>Plain completion of a text.</summary>
    Completion,

    /// <summary>Prefill only: embeddings and other calls without a decode.</summary>
    PrefillOnly,
}

/// <summary>Reads the kind of workload off a request.</summary>
public static class WorkloadKinds
{
    /// <summary>The kind of <paramref name="request"/>.</summary>
    public static WorkloadKind Of(PlacementRequest request) => request.Api switch
    {
        ApiKind.Embedding or ApiKind.Other => WorkloadKind.PrefillOnly,
        _ when request.HasTools => WorkloadKind.Agent,
        _ when request.PriorTurns > 0 => WorkloadKind.Conversation,
        ApiKind.Completion => WorkloadKind.Completion,
        _ => WorkloadKind.SingleTurn,
    };
}
