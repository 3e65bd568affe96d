using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Tests.Traces;

public class LmcacheAgentReaderTests
{
    [Fact]
    public void Calls_follow_one_another_by_time_within_their_session()
    {
        using var file = new TraceFile("l.jsonl",
            """{"session":"b","turn":0,"timestamp":5000000,"input":"later","output":"four","session_id":"b"}""",
            """{"session":"a","turn":0,"timestamp":1000000,"input":"one","output":"","session_id":"a"}""",
            """{"session":"a","turn":1,"timestamp":4500000,"input":"one two three","output":"12345","session_id":"a"}""",
            """{"session":"a","turn":2,"timestamp":2000000,"input":"one two","output":"x","session_id":"a"}""",
            """{"session":"a","turn":3,"timestamp":3000000,"input":"","output":"x","session_id":"a"}""");
        var trace = Trace.Open(file.Path, null, new TraceReading());
        var sessions = trace.Sessions().ToList();
        Assert.Equal([4.0, 0.0], sessions.Select(session => session.Start.TotalSeconds));
        var turns = sessions[1].Turns;
        Assert.Equal(["one", "one two", "one two three"], turns.Select(turn => ((LiteralText)turn.Prompt[0].Text).Text));
        Assert.Equal([0, 1, 2.5], turns.Select(turn => turn.Release.SinceStart.TotalSeconds));
        Assert.Equal([1, 1, 2], turns.Select(turn => turn.OutputTokens));
        Assert.Equal(1, trace.Skipped["calls with an empty prompt"]);
    }

    [Fact]
    public void The_real_agent_trace_grows_from_call_to_call()
    {
        var trace = Trace.Open(SharedFiles.Find("traces/placement/lmcache_agent_miniswe.jsonl.gz"), null, new TraceReading());
        var sessions = trace.Sessions().ToList();
        Assert.Equal(TraceFormat.LmcacheAgent, trace.Format);
        Assert.Equal(15, sessions.Count);
        Assert.Equal(268, sessions.Sum(session => session.Turns.Count));
        foreach (var turns in sessions.Select(session => session.Turns))
            for (var i = 1; i < turns.Count; i++)
                Assert.StartsWith(((LiteralText)turns[i - 1].Prompt[0].Text).Text, ((LiteralText)turns[i].Prompt[0].Text).Text, StringComparison.Ordinal);
    }
}
