using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Hosting.Journal;

namespace FleetRouter.Gateway.Why;

/// <summary>Replays a journal and gathers on the way what became of one request.</summary>
internal sealed class JournalStories(string? requestId)
{
    private readonly List<Gathered> _found = [];
    private readonly Dictionary<string, Gathered> _open = new(StringComparer.Ordinal);

    /// <summary>Replays every run at <paramref name="path"/>.</summary>
    /// <param name="path">A journal's file or folder.</param>
    /// <param name="requestId">The router's id of the request or the client's; null only to replay.</param>
    /// <exception cref="JournalException">The journal cannot be read.</exception>
    public static WhyAnswer Find(string path, string? requestId)
    {
        var stories = new JournalStories(requestId);
        List<ReplayOutcome> outcomes = [.. JournalReader.Open(path).Select(stories.Replay)];
        Gathered? last = stories._found.LastOrDefault();
        return new WhyAnswer(
            last is null ? null : new RequestStory(last.RequestId, last.ClientId, last.Steps),
            [.. stories._found.SkipLast(1).Select(g => g.RequestId)], outcomes);
    }

    private ReplayOutcome Replay(JournalReader journal)
    {
        _open.Clear();
        var replay = new JournalReplay(journal);
        foreach (ReplayedEvent replayed in replay.Run())
        {
            Gather(replayed.Entry.Happened!, journal.Header.Epoch);
            for (int i = 0; i < replayed.Entry.Decisions.Count; i++)
            {
                PoolEffect recorded = replayed.Entry.Decisions[i];
                bool? same = replayed.Replayed is { } again ? i < again.Count && DecisionDigest.Of(again[i]) == DecisionDigest.Of(recorded) : null;
                Gather(recorded, journal.Header.Epoch + replayed.Entry.Happened!.At, same);
            }
        }
        return new ReplayOutcome(
            journal.Header.Options.Name, journal.Header.Run, replay.Events, replay.Replayed.Decisions, replay.Recorded.ToString(), replay.Replayed.ToString(),
            replay.NotReplayed, replay.FirstDifference, journal.Truncated, replay.LoadMismatches, replay.FirstLoadMismatch);
    }

    private void Gather(PoolEvent happened, DateTimeOffset epoch)
    {
        DateTimeOffset time = epoch + happened.At;
        switch (happened)
        {
            case RequestArrived { Request: var r } when r.Id == requestId || r.ClientId == requestId:
                Begin(r.Id, r.ClientId).Steps.Add(new StoryStep(time, $"arrived: {Word(r.Api)} for {r.Model}" + (r.SessionId is { } s ? $", session {s}" : "")));
                break;
            case AttemptFailed e when _open.TryGetValue(e.RequestId, out Gathered? story):
                story.Steps.Add(new StoryStep(time, $"attempt failed ({Word(e.Failure)}): {e.Reason}"));
                break;
            case HedgeEnded e when _open.TryGetValue(e.RequestId, out Gathered? story):
                story.Steps.Add(new StoryStep(time, $"asked of one instance again ({Word(e.End)})" + (e.Reason is { Length: > 0 } reason ? $": {reason}" : "")));
                break;
            case RequestEnded e when _open.TryGetValue(e.RequestId, out Gathered? story) && story.Steps[^1].Decision is not { Refusal: not null }:
                story.Steps.Add(new StoryStep(time, $"ended: {Word(e.End)}" + (e.Usage is { } u
                    ? $"; the engine counted {u.PromptTokens} prompt tokens{(u.CachedTokens is { } c ? $", {c} of them cached," : "")} and {u.CompletionTokens} of answer"
                    : "")));
                break;
        }
    }

    private void Gather(PoolEffect decided, DateTimeOffset time, bool? same)
    {
        Decision? decision = DecisionWords.Of(decided);
        string id = decision?.RequestId ?? ((Held)decided).RequestId;
        if (!_open.TryGetValue(id, out Gathered? story))
        {
            // Its arrival may lie before what is left of the journal.
            if (requestId is null || id != requestId && decision?.ClientId != requestId)
                return;
            story = Begin(id, decision?.ClientId);
        }
        story.Steps.Add(new StoryStep(time, DecisionWords.Outcome(decided), decision, same));
    }

    private Gathered Begin(string id, string? clientId)
    {
        var story = new Gathered(id, clientId);
        _found.Add(story);
        return _open[id] = story;
    }

    private static string Word<T>(T value) where T : struct, Enum => KebabNames.Of(value).Replace('-', ' ');

    private sealed record Gathered(string RequestId, string? ClientId)
    {
        public List<StoryStep> Steps { get; } = [];
    }
}
