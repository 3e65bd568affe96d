using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Tests.Traces;

public class MooncakeReaderTests
{
    private static readonly string[] Lines =
    [
        """{"timestamp":3000,"input_length":1100,"output_length":5,"hash_ids":[0,1,2]}""",
        """{"timestamp":3000,"input_length":700,"output_length":0,"hash_ids":[0,9]}""",
        """{"timestamp":9000,"input_length":1536,"output_length":7,"hash_ids":[0,1,2]}""",
    ];

    [Theory]
    [InlineData("mooncake.jsonl")]
    [InlineData("mooncake.jsonl.gz")]
    public void Requests_have_their_lengths_and_share_text_by_their_ids(string name)
    {
        using var file = new TraceFile(name, Lines);
        var requests = file.Read().Select(session => Assert.Single(session.Turns)).ToList();
        Assert.Equal([1100, 700, 1536], requests.Select(request => request.PromptTokens));
        Assert.Equal([5, 1, 7], requests.Select(request => request.OutputTokens));
        var texts = requests.Select(request => TextOf.Prompt(request)).ToList();
        Assert.Equal([4400, 2800, 6144], texts.Select(text => text.Length));
        Assert.InRange(TextOf.SharedPrefix(texts[0], texts[1]), 512 * 4, 512 * 4 + 12);
        Assert.Equal(4400, TextOf.SharedPrefix(texts[0], texts[2]));
    }

    [Fact]
    public void Arrivals_are_spread_within_their_tick_by_the_seed_and_stay_on_it_when_told()
    {
        using var file = new TraceFile("m.jsonl", Lines);
        List<TimeSpan> Starts(TraceReading reading) => [.. file.Read(reading).Select(session => session.Start)];
        var spread = Starts(new TraceReading(Seed: 5));
        Assert.Equal(spread, Starts(new TraceReading(Seed: 5)));
        Assert.NotEqual(spread, Starts(new TraceReading(Seed: 6)));
        Assert.All(spread.Take(2), start => Assert.InRange(start, TimeSpan.Zero, TimeSpan.FromSeconds(3)));
        Assert.InRange(spread[2], TimeSpan.FromSeconds(6), TimeSpan.FromSeconds(9));
        Assert.NotEqual(spread[0], spread[1]);
        Assert.Equal([0, 0, 6], Starts(new TraceReading(Jitter: false)).Select(start => start.TotalSeconds));
    }

    [Theory]
    [InlineData("""{"timestamp":3000,"input_length":10,"output_length":1,"hash_""", "m.jsonl:2: is not JSON (byte 60): the line is cut or broken")]
    [InlineData("[1]", "m.jsonl:2: is not a JSON object")]
    [InlineData("""{"timestamp":3000,"output_length":1,"hash_ids":[1]}""", "m.jsonl:2: field 'input_length' is missing")]
    [InlineData("""{"timestamp":3000,"input_length":-4,"output_length":1,"hash_ids":[1]}""", "m.jsonl:2: field 'input_length' must be a whole number of 0 or more")]
    [InlineData("""{"timestamp":3000,"input_length":4,"output_length":1,"hash_ids":["a"]}""", "m.jsonl:2: field 'hash_ids' must hold whole numbers only")]
    [InlineData("""{"timestamp":3000,"input_length":513,"output_length":1,"hash_ids":[1]}""", "m.jsonl:2: input_length 513 is more than the blocks of hash_ids hold (512 tokens each)")]
    [InlineData("""{"timestamp":"0","input_length":1,"output_length":1,"hash_ids":[1]}""", "m.jsonl:2: field 'timestamp' must be a number")]
    public void A_malformed_line_is_named_with_what_is_wrong(string line, string message)
    {
        using var file = new TraceFile("m.jsonl", Lines[0], line);
        Assert.Equal(message, Assert.Throws<TraceReadException>(() => file.Read()).Message);
    }

    [Fact]
    public void The_real_trace_has_the_lengths_and_the_sharing_that_its_description_counts()
    {
        var trace = Trace.Open(SharedFiles.Find("traces/placement/mooncake_conversation_0-40min.jsonl.gz"), null, new TraceReading());
        Assert.Equal(TraceFormat.Mooncake, trace.Format);
        var seen = new HashSet<(ulong, long)>();
        long requests = 0, tokens = 0, blocks = 0, hits = 0;
        foreach (var text in trace.Sessions().Select(session => (BlockText)session.Turns[0].Prompt[0].Text))
        {
            requests++;
            tokens += text.Tokens;
            var leading = true;
            foreach (var id in text.Runs.SelectMany(run => Enumerable.Range(0, run.Count).Select(i => (run.Namespace, run.First + i))))
            {
                blocks++;
                leading &= !seen.Add(id);
                if (leading) hits++;
            }
        }
        Assert.Equal(7851, requests);
        Assert.Equal(12428.0, Math.Round((double)tokens / requests, 1));
        Assert.Equal(194284, blocks);
        Assert.Equal(0.3509, Math.Round((double)hits / blocks, 4));
    }
}
