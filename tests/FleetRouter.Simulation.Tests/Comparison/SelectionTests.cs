using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Tests.Traces;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Tests.Comparison;

public class SelectionTests
{
    private static string Repeated(char letter, int length) => string.Concat(Enumerable.Range(0, length).Select(i => (char)(letter + i % 7)));

    private static TraceSession Recorded(double start, params string[] prompts) => new(TimeSpan.FromSeconds(start),
        [.. prompts.Select((text, i) => new TraceRequest(i == 0 ? Release.AtSessionStart : new Release([i - 1], TimeSpan.Zero), [new("user", new LiteralText(text))], 5, $"c{start}"))]);

    private static string Text(TraceRequest request) => Assert.IsType<LiteralText>(Assert.Single(request.Prompt).Text).Text;

    [Fact]
    public void A_copy_of_recorded_text_shares_what_sessions_share_and_no_more()
    {
        string system = Repeated('A', 640), one = system + Repeated('k', 640), two = one + Repeated('p', 640), other = system + Repeated('q', 1280);
        var selection = WorkloadSelection.Of([Recorded(0, one, two), Recorded(10, other)], 9, 100_000);
        Assert.Equal((9, 4), (selection.Sessions.Sum(s => s.Turns.Count), selection.Copies));
        TraceSession copy = selection.Sessions[2], next = selection.Sessions[4];
        Assert.InRange(TextOf.SharedPrefix(one, Text(copy.Turns[0])), 640, 643);   // less than a token more, by chance
        Assert.InRange(TextOf.SharedPrefix(Text(next.Turns[0]), Text(copy.Turns[0])), 640, 643);
        // The second turn of a copy goes on from its first.
        Assert.StartsWith(Text(copy.Turns[0]), Text(copy.Turns[1]));
        Assert.Equal("c0 copy 1", copy.Turns[0].Conversation);
        Assert.Equal([0, 10, 20, 30, 40, 50], selection.Sessions.Select(s => s.Start.TotalSeconds));
    }

    [Fact]
    public void A_copy_of_blocks_shares_what_sessions_share_and_no_more()
    {
        TraceSession Lone(double start, params BlockRun[] runs) => TraceSession.Lone(TimeSpan.FromSeconds(start), new BlockText(512, runs, runs.Sum(r => r.Count) * 512), 4);
        var trace = new[] { Lone(0, new BlockRun(1, 0, 2), new BlockRun(1, 50, 3)), Lone(1, new BlockRun(1, 0, 2), new BlockRun(1, 70, 2)), Lone(2, new BlockRun(1, 90, 2)) };
        var workload = PreparedWorkload.Of(WorkloadSelection.Of(trace, 9, 100_000).Sessions, 1);
        int Shared(int a, int b) => workload.All[a].ForEngine.PromptBlocks.Zip(workload.All[b].ForEngine.PromptBlocks).TakeWhile(pair => pair.First == pair.Second).Count() * 16;
        Assert.InRange(Shared(0, 3), 1024, 1040);
        Assert.InRange(Shared(3, 6), 1024, 1040);
        Assert.Equal(Shared(0, 1), Shared(3, 4));
        Assert.InRange(Shared(2, 5), 0, 16);
        Assert.Equal(workload.All[0].PromptTokens, workload.All[3].PromptTokens);
    }

    [Fact]
    public void A_session_ends_before_its_first_turn_too_long_for_the_engine()
    {
        var session = Recorded(0, Repeated('a', 400), Repeated('a', 4000), Repeated('a', 800));
        var selection = WorkloadSelection.Of([session, Recorded(1, Repeated('b', 9000))], 1, 900);
        Assert.Single(Assert.Single(selection.Sessions).Turns);
        Assert.Equal(1, selection.Shortened);
        Assert.Throws<TraceReadException>(() => WorkloadSelection.Of([Recorded(1, Repeated('b', 9000))], 1, 900));
    }

    [Fact]
    public void A_plan_counts_its_requests_and_gives_every_prompt_room()
    {
        using var trace = new TraceFile("m.jsonl", Enumerable.Range(0, 40).Select(i => $$"""{"timestamp":{{i * 1000}},"input_length":{{600 + 100 * i}},"output_length":8,"hash_ids":[0,{{string.Join(',', Enumerable.Range(20 * i + 1, 9))}}]}"""));
        var planned = new CellPlan(trace.Path, null, 60, 3, 2, 0.001, Slo.Flat, Cells.Profile).Prepare();
        Assert.Equal(60, planned.Cell.Workload.All.Count);
        Assert.Equal(20, planned.Selection.Copies);
        Assert.InRange(planned.Cell.KvTokens, 4508, 4600);
        Assert.Equal(0, planned.Cell.Run(new Domain.Fleet.PoolOptions { Name = "sim" }, 1).Unfinished);
    }
}
