using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Tests.Comparison;

public class WorkingSetTests
{
    [Fact]
    public void Only_what_is_used_again_counts_and_only_while_it_is_waited_for()
    {
        // Twenty requests a second apart: the middle four fifths are those from the third to the eighteenth. The first block
        // of the fifth comes again five seconds later; all else is asked once.
        var requests = Enumerable.Range(0, 20).Select(i => (i, new[] { new BlockRun(1, 100 * i, 1) }, 512)).ToArray();
        var workload = Cells.Lone(requests);
        Assert.Equal(0, WorkingSet.Tokens(workload, 1));

        requests[10].Item2 = requests[5].Item2;
        workload = Cells.Lone(requests);
        int blocks = workload.All[10].ReusableTokens;
        Assert.InRange(blocks, 500, 520);
        // Of the 15 seconds from the third request to the eighteenth it is waited for during 5; ends and headers are common to all.
        int common = workload.All[4].ReusableTokens;
        Assert.Equal((blocks - common) * 5 / 15 + common, WorkingSet.Tokens(workload, 1), 32.0);
    }

    [Fact]
    public void A_faster_fleet_and_more_engines_compute_more()
    {
        var workload = Cells.Conversations();
        double one = WorkingSet.EstimatedRate(workload, Cells.Profile, 1);
        Assert.Equal(4 * one, WorkingSet.EstimatedRate(workload, Cells.Profile, 4), 1e-9);
        Assert.True(one > WorkingSet.EstimatedRate(workload, Simulation.Engine.EngineProfile.Named("a100-llama-3.1-8b"), 1));
    }
}
