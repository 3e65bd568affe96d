using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Fleet;

/// <summary>Something that happened to a pool. Events are handled one at a time, in the order they are given.</summary>
/// <param name="At">When, as time since the host's own epoch; never before the event handled last.</param>
public abstract record PoolEvent(TimeSpan At);

/// <summary>Discovery named an instance; it takes no work until a probe finds it ready.</summary>
public sealed record InstanceJoined(TimeSpan At, string Instance) : PoolEvent(At);

/// <summary>Discovery no longer names an instance. What it is answering runs to its end.</summary>
public sealed record InstanceLeft(TimeSpan At, string Instance) : PoolEvent(At);

/// <summary>An instance answered a probe.</summary>
public sealed record InstanceProbed(TimeSpan At, string Instance, EngineReport Report) : PoolEvent(At);

/// <summary>An instance did not answer a probe as a healthy engine.</summary>
public sealed record ProbeFailed(TimeSpan At, string Instance, string Reason) : PoolEvent(At);

/// <summary>A request asks for an instance. Answered by <see cref="Dispatch"/>, <see cref="Refuse"/> or
/// <see cref="Held"/>, the last followed by one of the other two unless the client leaves.</summary>
public sealed record RequestArrived(TimeSpan At, PlacementRequest Request) : PoolEvent(At);

/// <summary>Tokens of a dispatched request passed through the router.</summary>
/// <param name="At">When.</param>
/// <param name="RequestId">The request.</param>
/// <param name="OutputTokens">Output tokens so far in this attempt, at least 1.</param>
public sealed record RequestProgressed(TimeSpan At, string RequestId, int OutputTokens) : PoolEvent(At);

/// <summary>An attempt failed before the first byte of an answer, so the request may go elsewhere. Answered as
/// <see cref="RequestArrived"/> is.</summary>
/// <param name="At">When.</param>
/// <param name="RequestId">The request.</param>
/// <param name="Failure">Whether the engine was busy or could not be reached.</param>
/// <param name="Reason">What happened, in one line.</param>
public sealed record AttemptFailed(TimeSpan At, string RequestId, AttemptFailure Failure, string Reason) : PoolEvent(At);

/// <summary>A request is over, whatever its end was; its lease or its place among the held ones is free.</summary>
/// <param name="At">When.</param>
/// <param name="RequestId">The request.</param>
/// <param name="End">How it ended.</param>
/// <param name="Usage">The engine's own count, where it gave one.</param>
public sealed record RequestEnded(TimeSpan At, string RequestId, RequestEnd End, TokenUsage? Usage = null) : PoolEvent(At);

/// <summary>The alarm the pool asked for by <see cref="WakeAt"/> rang.</summary>
public sealed record AlarmRang(TimeSpan At) : PoolEvent(At);

/// <summary>The pool's options were changed by the operator.</summary>
public sealed record OptionsChanged(TimeSpan At, PoolOptions Options) : PoolEvent(At);

/// <summary>Why an attempt brought no answer.</summary>
public enum AttemptFailure
{
    /// <summary>The engine shed the request (503): alive, but the request belongs elsewhere.</summary>
    EngineBusy,

    /// <summary>The engine could not be reached, or broke off before the first byte of its answer.</summary>
    Unreachable,
}

/// <summary>How a request ended.</summary>
public enum RequestEnd
{
    /// <summary>The engine's answer, whatever its status, reached the client whole.</summary>
    Completed,

    /// <summary>The client left before the end.</summary>
    ClientGone,

    /// <summary>The engine broke off, or stood still, after the first byte.</summary>
    EngineBroke,

    /// <summary>The router itself could not serve it, for instance because the body could not be sent.</summary>
    Failed,
}

/// <summary>An engine's own count of one answer.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="CachedTokens">Those of them found in the prefix cache; null where the engine does not tell.</param>
/// <param name="CompletionTokens">Tokens of the answer.</param>
public sealed record TokenUsage(int PromptTokens, int? CachedTokens, int CompletionTokens);
