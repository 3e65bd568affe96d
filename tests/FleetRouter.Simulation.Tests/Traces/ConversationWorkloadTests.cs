using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Tests.Traces;

public class ConversationWorkloadTests
{
    private static readonly ConversationWorkload Workload = new() { Seed = 11, Sessions = 400, SessionRate = 5, SystemPrompts = 6, MeanTurns = 4, MostPromptTokens = 4000 };

    [Fact]
    public void The_same_seed_gives_the_same_conversations_and_another_seed_others()
    {
        static string Digest(ConversationWorkload workload) => string.Join('\n', workload.Generate().Select(session =>
            $"{session.Start} {string.Join(',', session.Turns.Select(turn => $"{turn.PromptTokens}+{turn.OutputTokens}@{turn.Release.ThinkTime}"))}"));
        Assert.Equal(Digest(Workload), Digest(Workload));
        Assert.NotEqual(Digest(Workload), Digest(Workload with { Seed = 12 }));
    }

    [Fact]
    public void Each_turn_repeats_the_conversation_so_far_with_the_engines_answer()
    {
        foreach (var turns in Workload.Generate().Select(session => session.Turns))
        {
            Assert.Equal(["system", "user"], turns[0].Prompt.Select(message => message.Role));
            for (var i = 1; i < turns.Count; i++)
            {
                Assert.Equal(turns[i - 1].Prompt, turns[i].Prompt.Take(turns[i - 1].Prompt.Count));
                Assert.Equal(new PromptMessage("assistant", new AnswerText(i - 1, turns[i - 1].OutputTokens)), turns[i].Prompt[^2]);
                Assert.Equal("user", turns[i].Prompt[^1].Role);
                Assert.Equal([i - 1], turns[i].Release.After);
                Assert.InRange(turns[i].PromptTokens, 0, 4000);
            }
        }
    }

    [Fact]
    public void Few_system_prompts_are_shared_and_the_first_is_the_hottest()
    {
        var counts = Workload.Generate().Select(session => TextOf.Blocks(session.Turns[0].Prompt[0].Text)).CountBy(text => text).Select(pair => pair.Value).OrderDescending().ToList();
        Assert.Equal(6, counts.Count);
        // Zipf of exponent 1 over 6: shares of 41 % and 7 %, three standard errors of 400 draws round them.
        Assert.InRange(counts[0], 133, 194);
        Assert.InRange(counts[^1], 10, 43);
    }

    [Fact]
    public void Rates_and_lengths_have_the_means_asked_for()
    {
        var sessions = (Workload with { Sessions = 4000 }).Generate().ToList();
        Assert.InRange(sessions[^1].Start.TotalSeconds, 800 * 0.94, 800 * 1.06);
        var outputs = sessions.SelectMany(session => session.Turns).Select(turn => turn.OutputTokens).Order().ToList();
        Assert.InRange(outputs[outputs.Count / 2], 87, 93);
        Assert.InRange(outputs[0], 16, 40);
        Assert.True(outputs[^1] <= 300);
    }
}
