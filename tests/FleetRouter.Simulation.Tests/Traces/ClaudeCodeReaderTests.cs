using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Tests.Traces;

public class ClaudeCodeReaderTests
{
    private static string Session(string id, string requests, int tools = 100, int system = 28) =>
        $$"""{"id":"{{id}}","models":["m"],"block_size":64,"hash_id_scope":"local","tool_tokens":{{tools}},"system_tokens":{{system}},"requests":[{{requests}}]}""";

    private static string Request(double t, int input, string runs, double api = 2, double think = 1) => FormattableString.Invariant(
        $$"""{"t":{{t}},"type":"n","model":"m","in":{{input}},"out":9,"api_time":{{api}},"think_time":{{think}},"hash_runs":{{runs}}}""");

    [Fact]
    public void Turns_share_their_blocks_and_only_those()
    {
        using var file = new TraceFile("c.jsonl", Session("s", $"{Request(0, 330, "[[1,5]]")},{Request(10, 460, "[[1,4],[9,3]]")}"));
        var turns = Assert.Single(file.Read()).Turns;
        Assert.Equal([330, 460], turns.Select(turn => turn.PromptTokens));
        Assert.InRange(TextOf.SharedPrefix(TextOf.Prompt(turns[0]), TextOf.Prompt(turns[1])), 4 * 64 * 4, 4 * 64 * 4 + 12);
        Assert.Equal([0], turns[1].Release.After);
        Assert.Equal(1, turns[1].Release.ThinkTime.TotalSeconds);
    }

    [Fact]
    public void Sessions_of_one_prefix_class_share_their_tools_and_system_prompt_whatever_their_ids()
    {
        using var file = new TraceFile("c.jsonl",
            Session("a", Request(0, 330, "[[1,5]]")), Session("b", Request(0, 330, "[[70,5]]")), Session("other", Request(0, 330, "[[1,5]]"), tools: 101));
        var texts = file.Read().Select(session => TextOf.Prompt(session.Turns[0])).ToList();
        Assert.InRange(TextOf.SharedPrefix(texts[0], texts[1]), 2 * 64 * 4, 2 * 64 * 4 + 12);
        Assert.InRange(TextOf.SharedPrefix(texts[0], texts[2]), 0, 12);
    }

    [Fact]
    public void Sub_agents_run_side_by_side_after_the_turn_that_spawned_them_and_the_next_turn_waits_for_all()
    {
        string Agent(string name, double ended, double lasted, int first) => FormattableString.Invariant(
            $$"""{"t":{{ended}},"type":"subagent","agent_id":"{{name}}","duration_ms":{{lasted * 1000}},"tool_tokens":64,"system_tokens":0,"requests":[{{Request(0, 70, $"[[{first},1]]")}},{{Request(5, 140, $"[[{first},2]]", think: 3)}}]}""");
        using var file = new TraceFile("c.jsonl", Session("s", string.Join(',',
            Request(0, 330, "[[1,5]]", api: 10), Agent("x", 31, 20, 50), Agent("y", 41, 30, 60), Request(43, 400, "[[1,6]]", think: 99))));
        var turns = Assert.Single(file.Read()).Turns;
        Assert.Equal(6, turns.Count);
        Assert.Equal(["s", "s/x", "s/x", "s/y", "s/y", "s"], turns.Select(turn => turn.Conversation));
        Assert.Equal([[], [0], [1], [0], [3], [0, 2, 4]], turns.Select(turn => turn.Release.After.ToArray()));
        Assert.Equal([0, 1, 3, 1, 3, 2], turns.Select(turn => turn.Release.ThinkTime.TotalSeconds));
        // One class of tools: the sub-agents' first block is the same text under two ids.
        Assert.InRange(TextOf.SharedPrefix(TextOf.Prompt(turns[1]), TextOf.Prompt(turns[3])), 64 * 4, 64 * 4 + 12);
    }

    [Fact]
    public void Sessions_start_by_a_seeded_Poisson_process_of_the_given_rate()
    {
        using var file = new TraceFile("c.jsonl", Enumerable.Range(0, 2000).Select(i => Session($"s{i}", Request(0, 330, "[[1,5]]"))));
        List<TimeSpan> Starts(ulong seed) => [.. file.Read(new TraceReading(seed, SessionRate: 4)).Select(session => session.Start)];
        var starts = Starts(3);
        Assert.Equal(starts, Starts(3));
        Assert.NotEqual(starts, Starts(4));
        Assert.Equal(TimeSpan.Zero, starts[0]);
        // 2000 exponential gaps: the mean's standard error is 2.2 %.
        Assert.InRange(starts[^1].TotalSeconds / 1999, 0.25 * 0.9, 0.25 * 1.1);
    }

    [Fact]
    public void Long_pauses_are_cut_when_told()
    {
        using var file = new TraceFile("c.jsonl", Session("s", $"{Request(0, 330, "[[1,5]]")},{Request(1000, 330, "[[1,5]]", think: 900)}"));
        Assert.Equal(900, file.Read()[0].Turns[1].Release.ThinkTime.TotalSeconds);
        Assert.Equal(60, file.Read(new TraceReading(LongestThinkTime: TimeSpan.FromMinutes(1)))[0].Turns[1].Release.ThinkTime.TotalSeconds);
    }

    [Theory]
    [InlineData("[[1,6]]", "c.jsonl:1: 'in' 330 is less than the blocks of hash_runs hold")]
    [InlineData("[[1]]", "c.jsonl:1: field 'hash_runs' must hold pairs [first id, count]")]
    [InlineData("[[1,\"x\"]]", "c.jsonl:1: field 'hash_runs' must hold pairs [first id, count]")]
    [InlineData("[[1,2.5]]", "c.jsonl:1: field 'hash_runs' must hold pairs [first id, count]")]
    [InlineData("7", "c.jsonl:1: field 'hash_runs' must be an array")]
    public void A_malformed_session_is_named_with_what_is_wrong(string runs, string message)
    {
        using var file = new TraceFile("c.jsonl", Session("s", Request(0, 330, runs)));
        Assert.Equal(message, Assert.Throws<TraceReadException>(() => file.Read()).Message);
    }

    [Fact]
    public void The_real_sessions_have_the_lengths_and_the_sharing_that_their_description_counts()
    {
        var trace = Trace.Open(SharedFiles.Find("traces/placement/claude_code_sessions.jsonl.gz"), null, new TraceReading());
        var seen = new HashSet<(ulong, long)>();
        long sessions = 0, requests = 0, tokens = 0, hitBlocks = 0;
        foreach (var session in trace.Sessions())
        {
            sessions++;
            foreach (var turn in session.Turns)
            {
                requests++;
                var text = (BlockText)turn.Prompt[0].Text;
                tokens += text.Tokens;
                var (leading, full) = (true, text.Tokens / 64);
                foreach (var id in text.Runs.SelectMany(run => Enumerable.Range(0, run.Count).Select(i => (run.Namespace, run.First + i))).Take(full))
                {
                    leading &= !seen.Add(id);
                    if (leading) hitBlocks++;
                }
            }
        }
        Assert.Equal(416, sessions);
        Assert.Equal(28438, requests);
        Assert.Equal(119424.9, Math.Round((double)tokens / requests, 1));
        Assert.Equal(0.9642, Math.Round(hitBlocks * 64.0 / tokens, 4));
    }
}
