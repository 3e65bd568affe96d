using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Migration;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Migration;

/// <summary>Llumnix's Algorithm 1 over the ledger.</summary>
public sealed class FreenessTests
{
    private readonly PoolDriver _pool = PoolDriver.WithReady(MigratingPools.Options() with { Migration = false }, "a", "b");

    private double Of(string instance) => Freeness.Of(_pool.Instance(instance));

    [Fact]
    public void What_runs_counts_with_its_prompt_and_its_answer_so_far_and_is_shared_by_the_batch()
    {
        Assert.Equal(MigratingPools.Capacity, Of("a"));
        _pool.Answer("a", blocks: 10, tokens: 60);
        Assert.Equal(MigratingPools.Capacity - 10 * 64 - 60, Of("a"));
        _pool.Answer("a", blocks: 20, tokens: 40);
        Assert.Equal((MigratingPools.Capacity - 30 * 64 - 100) / 2.0, Of("a"));
    }

    [Fact]
    public void Of_those_that_queue_the_first_counts_and_the_others_do_not()
    {
        _pool.Answer("a", blocks: 10, tokens: 1);
        _pool.Put("a", _pool.Ask(30));
        _pool.Put("a", _pool.Ask(40));
        _pool.Says("a", waiting: 2);
        Assert.Equal(MigratingPools.Capacity - 10 * 64 - 1 - 30 * 64, Of("a"));
        _pool.Says("a", waiting: 0);
        Assert.Equal((MigratingPools.Capacity - 80 * 64 - 1) / 3.0, Of("a"));
    }

    [Fact]
    public void High_priority_has_headroom_round_it_once_however_many_have_it()
    {
        _pool.Answer("a", blocks: 10);
        _pool.Answer("b", blocks: 10, priority: 1);
        double headroom = Of("a") - Of("b");
        Assert.True(headroom > 0);
        _pool.Answer("a", blocks: 10);
        _pool.Answer("b", blocks: 10, priority: 2);
        Assert.Equal(headroom, Of("a") - Of("b"));
    }

    [Fact]
    public void One_that_is_emptied_is_never_free()
    {
        _pool.Drain("a");
        Assert.Equal(double.NegativeInfinity, Of("a"));
        Assert.Same(_pool.Instance("b"), Relief.Freest([.. _pool.Pool.Instances]));
    }

    [Fact]
    public void Others_requests_count_by_what_the_engine_says()
    {
        EngineReport report = PoolDriver.Report() with { Running = 4, Waiting = 0, KvUsage = 0.5 };
        _pool.Give(new InstanceProbed(_pool.Now, "a", report));
        _pool.Give(new InstanceProbed(_pool.Now, "a", report));   // only a surplus seen twice is someone else's
        Assert.Equal(MigratingPools.Capacity * 0.5 / 4, Of("a"));
    }

    [Fact]
    public void The_ledger_is_even_when_answers_end_in_any_order()
    {
        PlacementRequest[] answers = [.. Enumerable.Range(1, 6).Select(i => _pool.Answer("a", blocks: i, tokens: i))];
        foreach (int i in new[] { 2, 0, 5, 3, 1, 4 })
            _pool.End(answers[i].Id);
        Assert.Empty(_pool.Instance("a").Answering);
        Assert.Equal(MigratingPools.Capacity, Of("a"));
    }
}
