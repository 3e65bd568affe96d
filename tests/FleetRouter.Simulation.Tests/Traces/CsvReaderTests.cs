using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Tests.Traces;

public class CsvReaderTests
{
    private const string BurstHeader = "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type";

    [Fact]
    public void Azure_rows_start_by_their_timestamps_and_share_nothing()
    {
        using var file = new TraceFile("a.csv", "TIMESTAMP,ContextTokens,GeneratedTokens", "2023-11-16 18:15:46.6805900,374,44", "2023-11-16 18:15:50.9951690,374,109");
        var sessions = file.Read();
        Assert.Equal([TimeSpan.Zero, TimeSpan.FromSeconds(4.314579)], sessions.Select(session => session.Start));
        Assert.Equal([44, 109], sessions.Select(session => session.Turns[0].OutputTokens));
        var texts = sessions.Select(session => TextOf.Prompt(session.Turns[0])).ToList();
        Assert.Equal(374 * 4, texts[0].Length);
        Assert.InRange(TextOf.SharedPrefix(texts[0], texts[1]), 0, 12);
    }

    [Fact]
    public void The_real_Azure_trace_has_the_lengths_that_its_description_counts()
    {
        var trace = Trace.Open(SharedFiles.Find("traces/arrivals/azure2023_conv_0-40min.csv.gz"), null, new TraceReading());
        var requests = trace.Sessions().ToList();
        Assert.Equal(TraceFormat.Azure, trace.Format);
        Assert.Equal(14176, requests.Count);
        Assert.Equal(1195.1, Math.Round(requests.Average(session => session.Turns[0].PromptTokens), 1));
        Assert.Equal(201.5, Math.Round(requests.Average(session => session.Turns[0].OutputTokens), 1));
        Assert.Equal(2400.0, Math.Round(requests[^1].Start.TotalSeconds, 1));
    }

    [Theory]
    [InlineData("2023-11-16 18:15:46.6805900,374", "a.csv:2: has 2 columns where the header has 3")]
    [InlineData("yesterday,374,1", "a.csv:2: column 'TIMESTAMP' must be a date and time, not 'yesterday'")]
    [InlineData("2023-11-16 18:15:46.6805900,-3,1", "a.csv:2: column 'ContextTokens' must be a whole number of 0 or more, not '-3'")]
    public void A_malformed_Azure_row_is_named_with_what_is_wrong(string row, string message)
    {
        using var file = new TraceFile("a.csv", "TIMESTAMP,ContextTokens,GeneratedTokens", row);
        Assert.Equal(message, Assert.Throws<TraceReadException>(() => file.Read()).Message);
    }

    [Fact]
    public void BurstGPT_failures_are_left_out_and_counted()
    {
        using var file = new TraceFile("b.csv", BurstHeader,
            "5,,,ChatGPT,472,18,490,API log", "45,,,ChatGPT,1087,0,1087,API log", "118,,,GPT-4,417,276,693,API log");
        var trace = Trace.Open(file.Path, null, new TraceReading());
        var sessions = trace.Sessions().ToList();
        Assert.Equal(TraceFormat.BurstGpt, trace.Format);
        Assert.Equal([0.0, 113.0], sessions.Select(session => session.Start.TotalSeconds));
        Assert.Equal([472, 417], sessions.Select(session => session.Turns[0].PromptTokens));
        Assert.Equal(1, Assert.Single(trace.Skipped).Value);
    }

    [Fact]
    public void BurstGPT_conversations_repeat_the_engines_answer_or_start_over()
    {
        using var file = new TraceFile("b.csv", BurstHeader,
            "10,7,3,ChatGPT,100,20,120,Conversation log", "11,,,ChatGPT,50,5,55,API log",
            "20,7,2,ChatGPT,150,30,180,Conversation log", "40,7,2,ChatGPT,60,10,70,Conversation log");
        var sessions = file.Read();
        Assert.Equal(2, sessions.Count);
        var turns = sessions[0].Turns;
        Assert.Equal([100, 150, 60], turns.Select(turn => turn.PromptTokens));
        Assert.Equal(["user", "assistant", "user"], turns[1].Prompt.Select(message => message.Role));
        Assert.Equal(new AnswerText(0, 20), turns[1].Prompt[1].Text);
        Assert.Equal(turns[0].Prompt[0], turns[1].Prompt[0]);
        Assert.Single(turns[2].Prompt);
        Assert.Equal([0, 7, 18], turns.Select(turn => turn.Release.ThinkTime.TotalSeconds));
        Assert.All(turns, turn => Assert.Equal("7", turn.Conversation));
        Assert.Null(sessions[1].Turns[0].Conversation);
    }

    [Fact]
    public void BurstGPT_without_sessions_and_durations_is_read_too()
    {
        using var file = new TraceFile("b.csv", "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type", "5,ChatGPT,472,18,490,Conversation log");
        Assert.Equal(472, Assert.Single(file.Read()).Turns[0].PromptTokens);
    }

    [Fact]
    public void A_missing_column_is_named()
    {
        using var file = new TraceFile("b.csv", "Timestamp,Model,Request tokens,Total tokens,Log Type", "5,ChatGPT,472,490,API log");
        Assert.Equal("b.csv:1: the header lacks column 'Response tokens' (it has: Timestamp, Model, Request tokens, Total …)",
            Assert.Throws<TraceReadException>(() => file.Read()).Message);
    }
}
