using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Workloads;

/// <summary>A conversation as it grows: each prompt repeats all before it, the engine's own answers included.</summary>
internal sealed class ConversationHistory(ulong key)
{
    private readonly List<PromptMessage> _messages = [];
    private long _nextText;

    /// <summary>Length of all messages so far, tokens.</summary>
    public int Tokens { get; private set; }

    public void System(ulong space, long id, int tokens) => Add("system", new BlockText(tokens, [new BlockRun(space, id, 1)], tokens));

    public void User(int tokens) => Add("user", new BlockText(tokens, [new BlockRun(key, _nextText++, 1)], tokens));

    public void Answer(int turn, int outputTokens) => Add("assistant", new AnswerText(turn, outputTokens));

    public PromptMessage[] Messages() => [.. _messages];

    public void StartOver()
    {
        _messages.Clear();
        Tokens = 0;
    }

    private void Add(string role, PromptText text)
    {
        _messages.Add(new PromptMessage(role, text));
        Tokens += text.Tokens;
    }
}
