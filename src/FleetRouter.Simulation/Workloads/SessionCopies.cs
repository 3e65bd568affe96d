using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Workloads;

/// <summary>
/// Copies of a trace's sessions, for workloads longer than the trace. A copy shares with its original what sessions of the trace
/// commonly share, such as a system prompt, and no more: the rest of its text is other text, so that
/// a copy is no repeated prompt. Copies of one repetition share among themselves what their originals share.
/// </summary>
public sealed class SessionCopies
{
    /// <summary>Recorded text is compared in pieces of this many characters.</summary>
    private const int PieceLength = 64;

    /// <summary>A prefix is common if one session in so many has it; at least two must.</summary>
    private const int CommonShare = 100;

    private readonly IReadOnlyList<TraceSession> _sessions;
    private readonly Dictionary<ulong, (int LastSession, int Sessions)> _prefixes = [];
    private readonly int _common;

    /// <summary>Learns what the sessions share.</summary>
    public SessionCopies(IReadOnlyList<TraceSession> sessions)
    {
        _sessions = sessions;
        _common = Math.Max(2, (sessions.Count + CommonShare - 1) / CommonShare);
        for (int i = 0; i < sessions.Count; i++)
        {
            foreach (TraceRequest turn in sessions[i].Turns)
            {
                foreach (ulong prefix in Prefixes(turn))
                {
                    (int last, int count) = _prefixes.GetValueOrDefault(prefix, (-1, 0));
                    if (last != i)
                        _prefixes[prefix] = (i, count + 1);
                }
            }
        }
    }

    /// <summary>Copy <paramref name="copy"/> of session <paramref name="index"/>.</summary>
    /// <param name="index">Index of the session.</param>
    /// <param name="copy">Number of the copy, from 1.</param>
    /// <param name="start">When the copy starts.</param>
    public TraceSession Copy(int index, int copy, TimeSpan start)
    {
        ulong salt = SplitMix64.Combine(SplitMix64.Key("session copy"), (ulong)copy);
        return new TraceSession(start, [.. _sessions[index].Turns.Select(turn => turn with
        {
            Prompt = Salted(turn.Prompt, Prefixes(turn).TakeWhile(prefix => _prefixes[prefix].Sessions >= _common).Count(), salt),
            Conversation = turn.Conversation is { } name ? $"{name} copy {copy}" : null,
        })]);
    }

    // One hash for each piece of a prompt, chained, so that it names the whole prefix up to the piece's end. What a run
    // answers is no recorded text and ends the comparison; it differs by itself where the prompt before it does.
    private static IEnumerable<ulong> Prefixes(TraceRequest turn)
    {
        ulong prefix = 0;
        foreach (PromptMessage message in turn.Prompt)
        {
            prefix = SplitMix64.Combine(prefix, SplitMix64.Key(message.Role));
            switch (message.Text)
            {
                case BlockText blocks:
                    foreach (BlockRun run in blocks.Runs)
                    {
                        for (int i = 0; i < run.Count; i++)
                            yield return prefix = SplitMix64.Combine(prefix, SplitMix64.Combine(run.Namespace, (ulong)(run.First + i)));
                    }
                    break;
                case LiteralText literal:
                    for (int at = 0; at + PieceLength <= literal.Text.Length; at += PieceLength)
                        yield return prefix = SplitMix64.Combine(prefix, SplitMix64.Key(literal.Text.Substring(at, PieceLength)));
                    break;
                default:
                    yield break;
            }
        }
    }

    private static PromptMessage[] Salted(IReadOnlyList<PromptMessage> prompt, int kept, ulong salt)
    {
        var salted = new PromptMessage[prompt.Count];
        for (int i = 0; i < salted.Length; i++)
        {
            PromptText text = prompt[i].Text;
            salted[i] = text switch
            {
                BlockText blocks => prompt[i] with { Text = Salted(blocks, ref kept, salt) },
                LiteralText literal => prompt[i] with { Text = Salted(literal, ref kept, salt) },
                _ => prompt[i],
            };
        }
        return salted;
    }

    private static BlockText Salted(BlockText text, ref int kept, ulong salt)
    {
        var runs = new List<BlockRun>();
        foreach (BlockRun run in text.Runs)
        {
            int same = Math.Min(kept, run.Count);
            kept -= same;
            if (same > 0)
                runs.Add(run with { Count = same });
            if (same < run.Count)
                runs.Add(new BlockRun(SplitMix64.Combine(run.Namespace, salt), run.First + same, run.Count - same));
        }
        return new BlockText(text.BlockTokens, runs, text.Tokens);
    }

    private static LiteralText Salted(LiteralText text, ref int kept, ulong salt)
    {
        int pieces = text.Text.Length / PieceLength;
        int same = Math.Min(kept, pieces);
        kept -= same;
        int at = same * PieceLength;
        if (kept > 0 || at >= text.Text.Length)
            return text;
        at -= char.IsLowSurrogate(text.Text[at]) ? 1 : 0;
        return new LiteralText(text.Text.Insert(at, $"{salt:x16}"));
    }
}
