using FleetRouter.LoadGen.Demo;
using FleetRouter.LoadGen.Sim;

namespace FleetRouter.Simulation.Tests.Sim;

/// <summary>The simulator beside a real gateway and engine stand-ins over HTTP. Latencies are the verb's business; a test on a machine
/// of any speed holds what does not depend on it.</summary>
public class WireSliceTests(ITestOutputHelper output)
{
    [Fact]
    public async Task The_simulator_finds_in_the_caches_what_the_stand_ins_find()
    {
        if (!File.Exists(Path.Combine(AppContext.BaseDirectory, "../../FleetRouter.Gateway", new DirectoryInfo(AppContext.BaseDirectory).Name, "FleetRouter.Gateway.dll")))
            Assert.Skip("the gateway is not built beside the tests; ./fleet test builds it");
        // An SLO that no queue of so few requests breaks: placement then hangs on prefixes and homes, not on the machine's speed.
        var slice = new WireSlice("conversations", DemoWorkload.Sessions(3, TimeSpan.FromSeconds(3), seed: 1),
            DemoWorkload.StandIns(3) with { Model = FleetRouter.Simulation.Fleet.PreparedWorkload.Model, KvBlocks = 20_000 }, TimeSpan.FromMinutes(1), Seed: 1);
        (WireFigures measured, WireFigures predicted) = await slice.Run("dual-hash", noProgress: true, TestContext.Current.CancellationToken);
        output.WriteLine($"measured {measured}\npredicted {predicted}");
        Assert.Equal((predicted.Requests, 0, 0), (measured.Requests, measured.Failed, predicted.Failed));
        Assert.InRange(measured.HitTokenShare, predicted.HitTokenShare - 0.05, predicted.HitTokenShare + 0.05);
    }
}
