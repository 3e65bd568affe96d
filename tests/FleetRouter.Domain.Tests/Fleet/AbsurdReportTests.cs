using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Tests.Fleet;

public class AbsurdReportTests
{
    [Theory]
    [InlineData(int.MaxValue, 0)]
    [InlineData(int.MaxValue, int.MaxValue)]
    public void An_engine_that_claims_more_than_can_be_counted_is_full_and_not_empty(int running, int waiting)
    {
        var options = new PoolOptions { Name = "absurd" };
        var instance = new Instance("a", options, new Peers(8_000));
        for (int probe = 0; probe < 2; probe++)   // a surplus counts when it is seen twice
            instance.Reconcile(new EngineReport(["m"], running, waiting), TimeSpan.FromSeconds(probe), new TokenEstimates());
        instance.Requests = 100;
        Assert.True(instance.AllRequests > options.MaxRequestsPerInstance, $"{instance.AllRequests} requests");
        Assert.True(instance.Backlog(new TokenEstimates()) >= 0);
    }
}
