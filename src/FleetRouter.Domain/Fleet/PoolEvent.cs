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
/// <param name="LongestGap">Longest time between two of those since the report before; zero where none was measured.</param>
public sealed record RequestProgressed(TimeSpan At, string RequestId, int OutputTokens, TimeSpan LongestGap = default) : PoolEvent(At);

/// <summary>An attempt came to no end of the answer, and the request may go elsewhere: from its beginning, or behind the
/// tokens its client has. Answered as <see cref="RequestArrived"/> is.</summary>
/// <param name="At">When.</param>
/// <param name="RequestId">The request.</param>
/// <param name="Failure">What failed.</param>
/// <param name="Reason">What happened, in one line.</param>
/// <param name="EmittedTokens">Tokens of the answer the client has, of all attempts together.</param>
public sealed record AttemptFailed(
    TimeSpan At, string RequestId, AttemptFailure Failure, string Reason, int EmittedTokens = 0) : PoolEvent(At);

/// <summary>The operator has an instance emptied, or takes that back.</summary>
/// <param name="At">When.</param>
/// <param name="Instance">The instance.</param>
/// <param name="Drains">Whether it is to take no new work and its requests are to be moved away; false makes it one like the others again.</param>
public sealed record DrainOrdered(TimeSpan At, string Instance, bool Drains) : PoolEvent(At)
{
    /// <summary>How long it may take unless it is said; a pod is given 30 s to stop.</summary>
    public static readonly TimeSpan Usual = TimeSpan.FromSeconds(10);

    /// <summary>How long it may take: answers that will have ended in half of that are let end, the others are carried over.</summary>
    public TimeSpan Within { get; init; } = Usual;
}

/// <summary>What a <see cref="Migrate"/> asked for is done, or was given up.</summary>
/// <param name="At">When.</param>
/// <param name="RequestId">The request.</param>
/// <param name="EmittedTokens">Where the answer was cut over: tokens the client had, of all attempts together.</param>
/// <param name="Failure">Why it was not: the request stays where it is; null if it was.</param>
public sealed record MigrationEnded(TimeSpan At, string RequestId, int EmittedTokens, string? Failure = null) : PoolEvent(At);

/// <summary>Of the two attempts a <see cref="Hedge"/> made of a request one is left, and that not because the first had its first token.</summary>
/// <param name="At">When.</param>
/// <param name="RequestId">The request.</param>
/// <param name="End">Which is left, and why.</param>
/// <param name="Failure">What failed; null if nothing did.</param>
/// <param name="Reason">The same, in one line.</param>
public sealed record HedgeEnded(TimeSpan At, string RequestId, HedgeEnd End, AttemptFailure? Failure = null, string? Reason = null) : PoolEvent(At);

/// <summary>A request is over, whatever its end was; its lease or its place among the held ones is free.</summary>
/// <param name="At">When.</param>
/// <param name="RequestId">The request.</param>
/// <param name="End">How it ended.</param>
/// <param name="Usage">The engine's own count, where it gave one.</param>
public sealed record RequestEnded(TimeSpan At, string RequestId, RequestEnd End, TokenUsage? Usage = null) : PoolEvent(At);

/// <summary>A request is at an instance, whatever the pool believed: its gateway placed it itself since the pool did not answer, or the pool begins
/// anew and is told what is under way.</summary>
/// <param name="At">When the pool learned of it.</param>
/// <param name="Request">The request.</param>
/// <param name="Instance">Where it is; may be one that discovery no longer names.</param>
/// <param name="Attempt">Which of its attempts that is, from 1.</param>
/// <param name="EmittedTokens">Tokens of the answer that earlier attempts gave the client.</param>
/// <param name="OutputTokens">Output tokens so far in this one.</param>
/// <param name="RunningFor">Time since it was sent there.</param>
public sealed record RequestAdopted(
    TimeSpan At, PlacementRequest Request, string Instance, int Attempt, int EmittedTokens, int OutputTokens, TimeSpan RunningFor) : PoolEvent(At)
{
    /// <summary>Whether what the pool believes counts where it knows the request.</summary>
    public bool IfUnknown { get; init; }
}

/// <summary>A request was at an instance before the pool began: its prompt is cached there, and its conversation at home.</summary>
/// <param name="At">When the pool learned of it.</param>
/// <param name="Request">The request.</param>
/// <param name="Instance">Where it was.</param>
public sealed record PlacementRemembered(TimeSpan At, PlacementRequest Request, string Instance) : PoolEvent(At);

/// <summary>A gateway has these requests and no others: what else the pool believed of it is over. None at all where the gateway is gone.</summary>
/// <param name="At">When.</param>
/// <param name="Gateway">The gateway (<see cref="PlacementRequest.Gateway"/>).</param>
/// <param name="Requests">Ids of all it has, dispatched and held.</param>
public sealed record GatewayHas(TimeSpan At, string Gateway, IReadOnlyList<string> Requests) : PoolEvent(At);

/// <summary>What the pool had learned in an earlier life. It counts until this one knows better, and not at all where it does already.</summary>
/// <param name="At">When it was told.</param>
/// <param name="Profile">What it was.</param>
public sealed record ProfileRecalled(TimeSpan At, LearnedProfile Profile) : PoolEvent(At);

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

    /// <summary>The engine broke off in the middle of its answer.</summary>
    Broke,

    /// <summary>The engine fell silent for longer than its own pace allows.</summary>
    Stalled,
}

/// <summary>What failures mean.</summary>
public static class AttemptFailures
{
    /// <summary>Whether the request is not to be tried there again: its instance was out of reach, and it has no token yet. One that has half an answer
    /// goes back there too, once a probe finds the instance well; one that shed it may take it later.</summary>
    public static bool RulesOut(this AttemptFailure failure, int emittedTokens) => failure != AttemptFailure.EngineBusy && emittedTokens == 0;
}

/// <summary>Which of two attempts is left.</summary>
public enum HedgeEnd
{
    /// <summary>The second, which has its first token: the first was cancelled.</summary>
    SecondWon,

    /// <summary>The second: the first failed before either had its first token.</summary>
    FirstFailed,

    /// <summary>The first: the second failed before either had its first token.</summary>
    SecondFailed,
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
