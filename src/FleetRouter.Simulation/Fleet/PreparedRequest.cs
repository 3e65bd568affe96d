using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Text;
using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Fleet;

/// <summary>A request as the router and as the engine see it, hashed once and used in every run. Immutable.</summary>
public sealed class PreparedRequest
{
    /// <summary>Index of the request in its workload.</summary>
    public required int Index { get; init; }

    /// <summary>Index of its session in the workload.</summary>
    public required int Session { get; init; }

    /// <summary>The trace's own request.</summary>
    public required TraceRequest Source { get; init; }

    /// <summary>What the gateway tells the pool: block hashes of the request's bytes, no token count, and no output length but a bound the client sets.</summary>
    public required PlacementRequest ForRouter { get; init; }

    /// <summary>What the engine gets: block hashes of the rendered prompt's tokens.</summary>
    public required EngineRequest ForEngine { get; init; }

    /// <summary>Prompt tokens that requests due before it, in the trace's own time, leave in a cache without bound.</summary>
    public int ReusableTokens { get; internal set; }

    /// <summary>Tokens of the rendered prompt.</summary>
    public int PromptTokens => ForEngine.PromptTokens;

    /// <summary>The same, of which the router is told otherwise.</summary>
    public PreparedRequest As(PlacementRequest forRouter) => new()
    {
        Index = Index, Session = Session, Source = Source, ForRouter = forRouter, ForEngine = ForEngine, ReusableTokens = ReusableTokens,
    };

    /// <summary>Prefill on an idle engine that has all of the prompt which any earlier request left; the last token is computed whatever is there.</summary>
    public TimeSpan LeastPrefill(EngineProfile profile) => profile.IdlePrefill(Math.Min(ReusableTokens, PromptTokens - 1), PromptTokens);
}

/// <summary>Renders requests into what router and engine hash. Reusable; not for two threads at once.</summary>
internal sealed class RequestPreparation(ulong seed, bool boundsAnswers)
{
    private readonly PromptChainBuilder _chain = new();
    private readonly List<uint> _tokens = [];
    private byte[] _text = new byte[1 << 16];

    /// <summary>Prepares one session's turns; an answer in a prompt is the one the engine will have given.</summary>
    public PreparedRequest[] Prepare(int sessionIndex, TraceSession session, int firstIndex)
    {
        var prepared = new PreparedRequest[session.Turns.Count];
        var answers = new SyntheticAnswer[session.Turns.Count];
        var turnsOf = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int turn = 0; turn < prepared.Length; turn++)
        {
            TraceRequest source = session.Turns[turn];
            _chain.Start(XxHash64.Of([], XxHash64.Of(PreparedWorkload.Model)));   // as the gateway does for a request without a cache salt
            _tokens.Clear();
            int priorTurns = 0;
            if (source.Conversation is { } conversation)
                priorTurns = turnsOf[conversation] = turnsOf.GetValueOrDefault(conversation, -1) + 1;
            int answered = 0;
            for (int i = 0; i < source.Prompt.Count; i++)
            {
                PromptMessage message = source.Prompt[i];
                answered += message.Role == "assistant" ? 1 : 0;
                // The gateway hashes the messages as the client's JSON has them; the engine renders them into its template.
                _chain.Append(System.Text.Encoding.UTF8.GetBytes($"{(i == 0 ? "[" : "\"},")}{{\"role\":\"{message.Role}\",\"content\":\""));
                ChatPrompt.AppendHeader(message.Role, _tokens);
                AppendText(message.Text, answers);
                _tokens.AddRange(ChatPrompt.End);
            }
            _chain.Append("\"}"u8);
            ChatPrompt.AppendHeader("assistant", _tokens);
            ReadOnlySpan<uint> tokens = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_tokens);
            answers[turn] = SyntheticAnswer.To(tokens);
            int index = firstIndex + turn;
            prepared[turn] = new PreparedRequest
            {
                Index = index,
                Session = sessionIndex,
                Source = source,
                ForRouter = new PlacementRequest
                {
                    Id = $"s{sessionIndex}t{turn}",
                    Model = PreparedWorkload.Model,
                    Api = ApiKind.Chat,
                    Prompt = _chain.Finish(),
                    SessionId = source.Conversation is { } name ? $"{name}#{sessionIndex}" : null,
                    PriorTurns = Math.Max(priorTurns, answered),
                    MaxOutputTokens = boundsAnswers ? source.OutputTokens : null,
                },
                ForEngine = EngineRequest.Of(index, tokens, source.OutputTokens, answers[turn]),
            };
        }
        return prepared;
    }

    private void AppendText(PromptText text, SyntheticAnswer[] answers)
    {
        switch (text)
        {
            case BlockText blocks:
                if (_text.Length < blocks.Bytes)
                    _text = new byte[blocks.Bytes * 2];
                Span<byte> bytes = _text.AsSpan(0, blocks.Write(seed, _text));
                _chain.Append(bytes);
                _tokens.AddRange(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(bytes));
                break;
            case LiteralText literal:
                _chain.Append(System.Text.Encoding.UTF8.GetBytes(literal.Text));
                SyntheticTokenizer.Append(literal.Text, _tokens);
                break;
            case AnswerText answer:
                string said = answers[answer.Turn].Text(0, answer.OutputTokens);
                _chain.Append(System.Text.Encoding.UTF8.GetBytes(said));
                SyntheticTokenizer.Append(said, _tokens);
                break;
            default:
                throw new InvalidOperationException($"no text in {text.GetType().Name}");
        }
    }
}
