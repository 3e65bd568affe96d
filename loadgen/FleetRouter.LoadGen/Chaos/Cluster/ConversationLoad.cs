using System.Collections.Concurrent;
using System.Text;
using FleetRouter.LoadGen.Client;
using FleetRouter.Simulation.Text;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.LoadGen.Chaos.Cluster;

/// <summary>A call that failed: through which gateway, and when.</summary>
internal sealed record FailedCall(int Gateway, TimeSpan From, TimeSpan To, string Trouble);

/// <summary>An answer whose client was told that it is complete.</summary>
internal sealed record KeptAnswer(string Id, string Text);

/// <summary>Conversations of several turns, each turn through the next gateway, asked again as the OpenAI clients do. Every answer is compared with what
/// the stand-in answers to the whole conversation.</summary>
/// <param name="gateways">Their addresses.</param>
/// <param name="model">The model to ask for.</param>
/// <param name="seed">Seed of the conversations, and the stand-ins'.</param>
/// <param name="users">Users who talk at once.</param>
/// <param name="clock">The run's.</param>
/// <param name="stays">Whether a session's turns all go through one gateway, as behind a load balancer with sticky sessions.</param>
internal sealed class ConversationLoad(IReadOnlyList<Uri> gateways, string model, ulong seed, int users, RunClock clock, bool stays = false) : IDisposable
{
    /// <summary>Times the OpenAI clients ask again by themselves, and how long they wait first.</summary>
    private const int Retries = 2;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500), LongestPause = TimeSpan.FromSeconds(8);

    /// <summary>Times a user asks again whose answer broke off.</summary>
    private const int MostTries = 5;

    private readonly TurnCalls _calls = new();
    private int _nextGateway = -1, _nextSession = -1;

    public ConcurrentBag<FailedCall> Failed { get; } = [];
    public ConcurrentBag<KeptAnswer> Kept { get; } = [];
    public ConcurrentBag<string> WrongAnswers { get; } = [];
    public ConcurrentBag<string> LostSessions { get; } = [];
    public int Turns, Sessions;
    public long InputTokens, CachedTokens;

    /// <summary>Talks until it is told to stop; what has begun is ended.</summary>
    public async Task Run(CancellationToken enough, CancellationToken stop) => await Task.WhenAll(Enumerable.Range(0, users).Select(_ => Task.Run(async () =>
    {
        while (!enough.IsCancellationRequested && !stop.IsCancellationRequested)
            await Session(Interlocked.Increment(ref _nextSession), enough, stop);
    }, CancellationToken.None)));

    /// <summary>How many of the answers cannot be had again through each gateway, word for word.</summary>
    public async Task<int> Lost(CancellationToken stop)
    {
        var lost = 0;
        foreach (var kept in Kept)
            foreach (var gateway in gateways)
                if (await _calls.Retrieve(gateway, kept.Id, stop) != kept.Text) lost++;
        return lost;
    }

    private async Task Session(int number, CancellationToken enough, CancellationToken stop)
    {
        var random = new SplitMix64(SplitMix64.Combine(seed, (ulong)number));
        var said = new List<ChatMessage>();
        string? previous = null;
        Interlocked.Increment(ref Sessions);
        for (var turns = 3 + random.Below(6); turns > 0 && !enough.IsCancellationRequested; turns--)
        {
            said.Add(new ChatMessage("user", Words(random.Next(), said.Count == 0 ? 200 + random.Below(400) : 20 + random.Below(80))));
            var most = 20 + random.Below(100);
            if (await Turn(number, said, previous, most, random.Below(2) == 0, stop) is not { } answer) return;
            Interlocked.Increment(ref Turns);
            Interlocked.Add(ref InputTokens, answer.InputTokens);
            Interlocked.Add(ref CachedTokens, answer.CachedTokens);
            Kept.Add(new KeptAnswer(answer.Id!, answer.Text));
            var expected = Expected(said, most);
            if (answer.Text != expected)
                WrongAnswers.Add($"session {number}, message {said.Count}: '{Start(answer.Text)}' for '{Start(expected)}'");
            said.Add(new ChatMessage("assistant", answer.Text));
            previous = answer.Id;
            await Task.Delay(TimeSpan.FromMilliseconds(random.Below(800)), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>One turn, asked again until it is answered; null if it cannot be.</summary>
    private async Task<TurnAnswer?> Turn(int session, List<ChatMessage> said, string? previous, int most, bool streams, CancellationToken stop)
    {
        for (var tries = 0; tries < MostTries; tries++)
        {
            var (answer, failed) = await Ask(session, said[^1].Content!, previous, most, streams, stop);
            if (stop.IsCancellationRequested) return null;
            if (answer.Trouble is null) return answer;
            Failed.Add(failed!);
            if (answer.Status == 404 && previous is not null)
            {
                LostSessions.Add($"{previous}: {answer.Trouble}");
                return null;
            }
        }
        return null;
    }

    /// <summary>One request as a client library makes it: its own retries included.</summary>
    private async Task<(TurnAnswer Answer, FailedCall? Failed)> Ask(int session, string input, string? previous, int most, bool streams, CancellationToken stop)
    {
        var pause = FirstPause;
        for (var retry = 0; ; retry++)
        {
            var gateway = stays ? session % gateways.Count : (int)((uint)Interlocked.Increment(ref _nextGateway) % (uint)gateways.Count);
            var from = clock.Now;
            var answer = await _calls.Ask(gateways[gateway], model, input, previous, most, streams, stop);
            if (answer.Trouble is null) return (answer, null);
            if (!answer.IsRetryable || retry == Retries) return (answer, new FailedCall(gateway, from, clock.Now, answer.Trouble));
            await Task.Delay(pause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    private string Expected(List<ChatMessage> said, int most)
    {
        var answer = SyntheticAnswer.To(ChatPrompt.Render(said).Tokens);
        return answer.Text(0, Math.Min(most, answer.NaturalLength(seed)));
    }

    private static string Start(string text) => text.Length > 40 ? text[..40] + "…" : text;

    private static string Words(ulong key, int tokens)
    {
        var text = new byte[4 * tokens];
        SyntheticText.Fill(key, text);
        return Encoding.ASCII.GetString(text);
    }

    public void Dispose() => _calls.Dispose();
}
