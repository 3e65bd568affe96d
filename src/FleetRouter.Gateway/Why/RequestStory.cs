using FleetRouter.Domain.Placement;

namespace FleetRouter.Gateway.Why;

/// <summary>What became of one request, step by step.</summary>
/// <param name="RequestId">The router's id of it.</param>
/// <param name="ClientId">The client's, if it gave one.</param>
/// <param name="Steps">What happened and what was decided, in order.</param>
internal sealed record RequestStory(string RequestId, string? ClientId, IReadOnlyList<StoryStep> Steps);

/// <summary>One step of a request's story.</summary>
/// <param name="Time">When.</param>
/// <param name="Said">What, in plain words.</param>
/// <param name="Decision">The decision, where the step is one.</param>
/// <param name="Replayed">Whether a replay decided the same; null where there was none.</param>
internal sealed record StoryStep(DateTimeOffset Time, string Said, Decision? Decision = null, bool? Replayed = null);

/// <summary>How the replay of one run in a journal came out.</summary>
/// <param name="Pool">The pool.</param>
/// <param name="Run">The run's name.</param>
/// <param name="Events">Events replayed.</param>
/// <param name="Decisions">Decisions replayed.</param>
/// <param name="RecordedDigest">Digest of the decisions the gateway made.</param>
/// <param name="ReplayedDigest">Digest of those the replay made; equal, unless the journal or the program is another.</param>
/// <param name="NotReplayed">Why part of the run was not replayed; null if all of it was.</param>
/// <param name="FirstDifference">Where the replay first decided otherwise; null if nowhere.</param>
/// <param name="Truncated">Whether the last line was cut short.</param>
/// <param name="LoadMismatches">Events after which the pool's load was not the sum over its gateways.</param>
/// <param name="FirstLoadMismatch">The first of them; null if there is none.</param>
internal sealed record ReplayOutcome(
    string Pool, string Run, long Events, long Decisions, string RecordedDigest, string ReplayedDigest, string? NotReplayed,
    string? FirstDifference, bool Truncated, long LoadMismatches, string? FirstLoadMismatch);

/// <summary>The answer to "why": the story, and what it rests on.</summary>
/// <param name="Story">The request's; null if it was not found, or none was asked for.</param>
/// <param name="Others">Router's ids of earlier requests to which the client gave the same id.</param>
/// <param name="Replays">One a run of the journal; empty where a gateway was asked.</param>
internal sealed record WhyAnswer(RequestStory? Story, IReadOnlyList<string> Others, IReadOnlyList<ReplayOutcome> Replays);
