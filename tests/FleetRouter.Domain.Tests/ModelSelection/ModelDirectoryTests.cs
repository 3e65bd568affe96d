using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.ModelSelection;

namespace FleetRouter.Domain.Tests.ModelSelection;

public sealed class ModelDirectoryTests
{
    [Fact]
    public void The_first_pool_with_a_ready_instance_serves_the_model()
    {
        Assert.Equal(1, Ask("m", out Refusal? refusal, Pool(("m", 0)), Pool(("n", 1), ("m", 2)), Pool(("m", 3))));
        Assert.Null(refusal);
    }

    [Fact]
    public void A_model_known_but_not_ready_goes_to_the_first_pool_that_knows_it()
    {
        Assert.Equal(1, Ask("m", out Refusal? refusal, Pool(("n", 1)), Pool(("m", 0)), Pool(("m", 0))));
        Assert.Null(refusal);
    }

    [Fact]
    public void A_model_nobody_serves_is_unknown()
    {
        Assert.Equal(-1, Ask("M", out Refusal? refusal, Pool(("m", 1))));
        Assert.Equal((RefusalKind.UnknownModel, "model_not_found"), (refusal!.Kind, refusal.Reason));
        Assert.Equal("The model `M` does not exist.", refusal.Message);
        Assert.Null(refusal.RetryAfter);
    }

    [Fact]
    public void While_an_instance_has_not_yet_told_what_it_serves_no_model_is_called_unknown()
    {
        Assert.Equal(-1, Ask("m", out Refusal? refusal, new ServedModels([new("n", 1)], Awaiting: true)));
        Assert.Equal(RefusalKind.Broken, refusal!.Kind);
        Assert.NotNull(refusal.RetryAfter);
    }

    [Fact]
    public void Without_pools_every_model_is_unknown()
    {
        Assert.Equal(-1, Ask("m", out Refusal? refusal));
        Assert.Equal(RefusalKind.UnknownModel, refusal!.Kind);
    }

    private static int Ask(string model, out Refusal? refusal, params ServedModels[] pools) =>
        ModelDirectory.PoolFor(model, pools, out refusal);

    private static ServedModels Pool(params (string Name, int Ready)[] models) =>
        new([.. models.Select(m => new ServedModel(m.Name, m.Ready))], Awaiting: false);
}
