using FleetRouter.EngineSim;
using FleetRouter.LoadGen.Client;
using FleetRouter.LoadGen.Replay;
using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Tests.LoadGen;

public class AnswerCheckTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private static async Task<ReplayRun> Replay(Uri address, Endpoint endpoint)
    {
        var settings = new ReplaySettings { Target = new Target(address, "sim/llama-3.1-8b", null), Timeout = Bound, Endpoint = endpoint };
        TraceSession[] one = [TraceSession.Lone(TimeSpan.Zero, new BlockText(50, [new BlockRun(1, 7, 1)], 50), 12)];
        using var replayer = new Replayer(settings, one, TimeProvider.System);
        return await replayer.Replay(CancellationToken.None).WaitAsync(Bound);
    }

    [Theory]
    [InlineData("chat")]
    [InlineData("completions")]
    public async Task A_stand_ins_own_answer_is_right(string endpoint)
    {
        await using var engines = await EngineFleet.StartAsync(new EngineSimOptions { Count = 1, Port = 0 });
        ReplayRun run = await Replay(engines.Addresses[0], Enum.Parse<Endpoint>(endpoint, ignoreCase: true));
        Assert.True(Assert.Single(run.Records).Completed, run.Records[0].Failure);
    }

    [Fact]
    public async Task Another_text_than_the_prompts_answer_is_a_failure()
    {
        await using var engine = new FakeEngine((request, to, _) => FakeEngine.Complete(request, to));
        ReplayRun run = await Replay(engine.Address, Endpoint.Chat);
        Assert.Equal("wrong_text", Assert.Single(run.Records).Failure);
    }
}
