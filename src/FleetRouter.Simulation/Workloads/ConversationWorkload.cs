using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Workloads;

/// <summary>A length that varies log-normally.</summary>
/// <param name="Median">Half of the draws are below, tokens.</param>
/// <param name="Sigma">Standard deviation of the logarithm; 0 makes every draw the median.</param>
/// <param name="Least">Draws below are raised to it, tokens.</param>
/// <param name="Most">Draws above are cut to it, tokens.</param>
public sealed record LogNormalLength(int Median, double Sigma, int Least, int Most)
{
    internal int Draw(ref SplitMix64 random) =>
        (int)Math.Clamp(Median * Math.Exp(Sigma * random.Normal()), Least, Most);
}

/// <summary>
/// Synthetic conversations: sessions start by a Poisson process, each under one of a few shared system prompts, and go
/// on for several turns that repeat the conversation so far, the engine's own answers included. The same settings give
/// the same sessions everywhere.
/// </summary>
public sealed record ConversationWorkload
{
    /// <summary>Seed of every draw.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Number of conversations.</summary>
    public int Sessions { get; init; } = 100;

    /// <summary>Conversations started per second on average.</summary>
    public double SessionRate { get; init; } = 4;

    /// <summary>Number of different system prompts.</summary>
    public int SystemPrompts { get; init; } = 12;

    /// <summary>Exponent of the Zipf law by which sessions choose a system prompt: 0 chooses evenly, 1 makes the first hot.</summary>
    public double SystemPromptSkew { get; init; } = 1;

    /// <summary>Length of a system prompt; drawn once per prompt.</summary>
    public LogNormalLength SystemTokens { get; init; } = new(800, 0.4, 64, 2000);

    /// <summary>Average number of turns of a session (geometric, 1 or more).</summary>
    public double MeanTurns { get; init; } = 5;

    /// <summary>A session ends after this many turns at the latest.</summary>
    public int MostTurns { get; init; } = 16;

    /// <summary>Length of what the user adds each turn.</summary>
    public LogNormalLength UserTokens { get; init; } = new(180, 0.8, 8, 1500);

    /// <summary>Length of an answer.</summary>
    public LogNormalLength OutputTokens { get; init; } = new(90, 0.4, 16, 300);

    /// <summary>Mean of the exponential pause between an answer's end and the next turn.</summary>
    public TimeSpan MeanThinkTime { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>A session ends before a prompt would be longer than this, tokens.</summary>
    public int MostPromptTokens { get; init; } = 8000;

    /// <summary>The sessions in order of their starts.</summary>
    public IEnumerable<TraceSession> Generate()
    {
        var random = new SplitMix64(SplitMix64.Combine(Seed, SplitMix64.Key("conversations")));
        var space = SplitMix64.Key("system prompts");
        var systemTokens = new int[SystemPrompts];
        for (var i = 0; i < SystemPrompts; i++) systemTokens[i] = SystemTokens.Draw(ref random);
        var cumulative = Zipf(SystemPrompts, SystemPromptSkew);

        var start = TimeSpan.Zero;
        for (var session = 0; session < Sessions; session++)
        {
            // A generator per session: what one draws does not move the next.
            var own = new SplitMix64(SplitMix64.Combine(SplitMix64.Combine(Seed, SplitMix64.Key("session")), (ulong)session));
            var prompt = Choose(cumulative, own.NextDouble());
            yield return Session(session, start, space, prompt, systemTokens[prompt], own);
            start += TimeSpan.FromSeconds(random.Exponential(1 / SessionRate));
        }
    }

    private TraceSession Session(int session, TimeSpan start, ulong space, int prompt, int systemTokens, SplitMix64 random)
    {
        var conversation = new ConversationHistory(SplitMix64.Combine(SplitMix64.Key("conversation"), (ulong)session));
        conversation.System(space, prompt, systemTokens);
        var turns = new List<TraceRequest>();
        do
        {
            var userTokens = UserTokens.Draw(ref random);
            if (turns.Count > 0 && conversation.Tokens + userTokens > MostPromptTokens) break;
            conversation.User(userTokens);
            var output = OutputTokens.Draw(ref random);
            var release = turns.Count == 0
                ? Release.AtSessionStart
                : new Release([turns.Count - 1], MeanThinkTime * random.Exponential(1));
            turns.Add(new TraceRequest(release, conversation.Messages(), output, $"conversation-{session}"));
            conversation.Answer(turns.Count - 1, output);
        }
        while (turns.Count < MostTurns && random.NextDouble() > 1 / MeanTurns);
        return new TraceSession(start, turns);
    }

    private static double[] Zipf(int count, double skew)
    {
        var cumulative = new double[count];
        var sum = 0.0;
        for (var i = 0; i < count; i++) cumulative[i] = sum += Math.Pow(i + 1, -skew);
        for (var i = 0; i < count; i++) cumulative[i] /= sum;
        return cumulative;
    }

    private static int Choose(double[] cumulative, double uniform)
    {
        var index = Array.BinarySearch(cumulative, uniform);
        return Math.Min(index < 0 ? ~index : index + 1, cumulative.Length - 1);
    }
}
