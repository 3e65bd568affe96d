using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Health;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Health;

public sealed class StallTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private readonly PoolDriver _pool = PoolDriver.WithReady(new PoolOptions { Name = "test", Policy = "round-robin" }, "a", "b");

    private IReadOnlyList<PoolEffect> Stall(Dispatch sent, int emitted = 0) =>
        _pool.Give(new AttemptFailed(_pool.Now, sent.RequestId, AttemptFailure.Stalled, "silent", emitted));

    private void Progress(Dispatch sent, int tokens, TimeSpan gap) => _pool.Give(new RequestProgressed(_pool.Now, sent.RequestId, tokens, gap));

    /// <summary>A request on <paramref name="instance"/>.</summary>
    private Dispatch On(string instance)
    {
        Dispatch sent = _pool.Place(_pool.Request());
        return sent.Instance == instance ? sent : _pool.Place(_pool.Request());
    }

    [Theory]
    [InlineData(0.02, 2)]   // the floor
    [InlineData(2, 8)]
    [InlineData(60, 30)]    // the ceiling
    public void The_bound_is_a_multiple_of_the_longest_gap_of_late(double gap, double bound)
    {
        var stall = new StallBound();
        for (int i = 0; i < 16; i++)
        {
            Assert.True(stall.At(Second) >= StallBound.AtFirst);
            stall.Saw(TimeSpan.FromSeconds(i == 3 ? gap : 0.01), Second);
        }
        Assert.Equal(bound, stall.At(Second).TotalSeconds, 3);
    }

    [Fact]
    public void A_long_gap_is_forgotten_with_time_and_one_that_was_cut_doubles_the_bound()
    {
        var stall = new StallBound();
        for (int i = 0; i < 16; i++)
            stall.Saw(Second, Second);
        Assert.Equal(4, stall.At(Second).TotalSeconds, 3);
        stall.GaveUp(Second);
        Assert.Equal(8, stall.At(Second).TotalSeconds, 3);
        Assert.Equal(4, stall.At(121 * Second).TotalSeconds, 3);
        Assert.Equal(StallBound.Least, stall.At(1_000 * Second));
    }

    [Fact]
    public void An_instance_that_has_shown_little_has_the_bound_of_the_others()
    {
        var pool = new StallBound();
        StallBound worked = new(pool), fresh = new(pool);
        for (int i = 0; i < 16; i++)
        {
            Assert.Equal(StallBound.AtFirst, fresh.At(Second));
            worked.Saw(0.75 * Second, Second);
        }
        Assert.Equal(3, fresh.At(Second).TotalSeconds, 3);
        // What it shows itself counts at once; what one was given up for tells nothing of the others.
        fresh.Saw(2 * Second, Second);
        worked.GaveUp(Second);
        Assert.Equal((8d, 6d), (fresh.At(Second).TotalSeconds, worked.At(Second).TotalSeconds));
        fresh.GaveUp(Second);
        Assert.Equal((16d, 8d), (fresh.At(Second).TotalSeconds, new StallBound(pool).At(Second).TotalSeconds));
    }

    [Fact]
    public void Each_instance_has_the_bound_of_its_own_gaps()
    {
        Dispatch a = On("a"), b = On("b");
        Assert.Equal((StallBound.AtFirst, StallBound.AtFirst), (a.Patience.NextToken, b.Patience.NextToken));
        for (int n = 1; n <= 20; n++)
        {
            Progress(a, n, 0.05 * Second);
            Progress(b, n, 1.5 * Second);
        }
        Assert.Equal((2d, 6d), (On("a").Patience.NextToken.TotalSeconds, On("b").Patience.NextToken.TotalSeconds));
    }

    [Fact]
    public void Time_to_a_first_token_is_a_multiple_of_the_estimate_and_generous_to_an_engine_that_never_answered()
    {
        Assert.Equal(TimeSpan.FromMinutes(1), On("a").Patience.FirstToken);
        Dispatch warm = On("a");
        _pool.Progress(warm.RequestId);
        _pool.End(warm.RequestId);
        Assert.Equal(TimeSpan.FromSeconds(10), On("a").Patience.FirstToken);
        var longOne = new PromptChain([.. Enumerable.Range(0, 2_000).Select(n => (ulong)n)], 2_000 * PromptChain.BlockBytes, 7);   // 16 s at the prior speed
        Dispatch sent = _pool.Place(_pool.Request(longOne));
        Assert.True(sent.Patience.FirstToken > TimeSpan.FromMinutes(1), $"{sent.Patience.FirstToken}");
    }

    [Fact]
    public void A_request_whose_instance_answers_others_moves_alone()
    {
        Dispatch stuck = On("a"), other = On("a");
        Progress(other, 1, TimeSpan.Zero);
        _pool.Advance(9);
        Progress(other, 2, Second);
        _pool.Advance(1);
        IReadOnlyList<PoolEffect> effects = Stall(stuck);
        Assert.Equal("b", effects.OfType<Dispatch>().Single().Instance);
        Assert.Equal(InstanceState.Ready, _pool.View("a").State);
    }

    [Fact]
    public void An_instance_that_gave_nobody_a_token_meanwhile_is_suspect()
    {
        Dispatch stuck = On("a"), other = On("a");
        Progress(other, 1, TimeSpan.Zero);
        _pool.Advance(40);
        Assert.Equal("b", Stall(stuck).OfType<Dispatch>().Single().Instance);
        Assert.Equal(InstanceState.Suspect, _pool.View("a").State);
        Assert.Equal("silent", _pool.View("a").Reason);
    }

    [Fact]
    public void A_stall_in_the_middle_makes_the_next_silence_count_later()
    {
        Dispatch sent = On("a");
        for (int n = 1; n <= 20; n++)
            Progress(sent, n, 0.05 * Second);
        Dispatch before = On("a");
        Assert.Equal(2, before.Patience.NextToken.TotalSeconds, 3);
        Progress(before, 1, TimeSpan.Zero);
        _pool.Advance(2);
        Stall(before, 1);
        _pool.Probe("a");
        Assert.Equal(4, On("a").Patience.NextToken.TotalSeconds, 3);
    }
}
