namespace FleetRouter.Domain.Tests.Fleet;

public sealed class PoolPromisesTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1_000)]
    [InlineData(2_000)]
    public void Whatever_happens_no_request_is_lost_and_every_ledger_ends_at_zero(int firstSeed)
    {
        int dispatches = 0, holds = 0, refusals = 0, moves = 0;
        for (int seed = firstSeed; seed < firstSeed + 1_000; seed++)
        {
            try
            {
                RandomPoolRun run = new RandomPoolRun((ulong)seed).Live(200);
                run.EndAll();
                (dispatches, holds, refusals) = (dispatches + run.Watch.Dispatches, holds + run.Watch.Holds, refusals + run.Watch.Refusals);
                moves += run.Watch.Moves;
                Assert.Equal(0, run.View.Held);
                Assert.All(run.View.Instances, i => Assert.Equal((0, 0L, 0L, 0L), (i.Leases, i.PendingPrefillTokens, i.DecodeTokens, i.KvTokens)));
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"seeds {firstSeed} to {firstSeed + 999}: {dispatches} dispatches, {holds} holds, {refusals} refusals, {moves} moves");
        // The runs must reach what they are to test.
        Assert.True(dispatches > 10_000 && holds > 10_000 && refusals > 10_000 && moves > 100, $"{dispatches} dispatches, {holds} holds, {refusals} refusals, {moves} moves");
    }

    [Fact]
    public void A_long_life_keeps_the_promises_too()
    {
        RandomPoolRun run = new RandomPoolRun(77).Live(20_000);
        run.EndAll();
    }

    [Fact]
    public void Requests_asked_twice_keep_the_promises_too()
    {
        int hedges = 0;
        for (ulong seed = 3_000; seed < 3_090; seed++)
        {
            try
            {
                RandomPoolRun run = new RandomPoolRun(seed, hedges: true).Live(3_000);
                run.EndAll();
                hedges += run.Watch.Hedges;
                Assert.All(run.View.Instances, i => Assert.Equal((0, 0L, 0L, 0L), (i.Leases, i.PendingPrefillTokens, i.DecodeTokens, i.KvTokens)));
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{hedges} asked twice");
        Assert.True(hedges > 500, $"{hedges} asked twice");
    }

    /// <summary>A change of this number is a change of decisions for the same events: meant, or a bug.</summary>
    [Fact]
    public void The_same_events_give_the_same_decisions_in_every_process()
    {
        ulong[] once = Digests(), again = Digests();
        Assert.Equal(once, again);
        Assert.Equal(10_526_982_064_482_232_182UL, once.Aggregate(0UL, FleetRouter.Domain.Prefixes.XxHash64.Mix));

        static ulong[] Digests() => [.. Enumerable.Range(1, 20).Select(seed => new RandomPoolRun((ulong)seed).Live(500).Digest.Value)];
    }
}
