using FleetRouter.Gateway.Resuming;
using FleetRouter.Gateway.Tests.Engines;

namespace FleetRouter.Gateway.Tests.Resuming;

/// <summary>The pause of a cut, hidden in the pace of the answer before it.</summary>
public sealed class CutPaceTests
{
    private static readonly TimeSpan Token = TimeSpan.FromMilliseconds(10);

    [Fact]
    public void An_answer_that_has_only_begun_has_nothing_to_hide_a_cut_in() =>
        Assert.Null(CutPace.Of(new ManualTime(), TimeSpan.Zero, 5 * Token));

    [Fact]
    public async Task What_is_in_hand_at_the_cut_lasts_for_longer_than_the_target_took_and_no_gap_is_twice_a_tokens_time()
    {
        var time = new ManualTime();
        CutPace pace = CutPace.Of(time, Token, 5 * Token)!;
        int steps = 0, inHand = 0;
        var came = TimeSpan.Zero;
        while (!pace.HasLead(inHand))
        {
            Task shown = pace.UntilNextAsync(null, CancellationToken.None);
            TimeSpan gap = await time.AdvanceToNextTimerAsync();
            await shown;
            Assert.InRange(gap / Token, 1.05, 1.95);
            came += gap;
            inHand = (int)(came / Token) - ++steps;
        }
        Assert.True(inHand > 0, "nothing in hand");
        TimeSpan lasts = TimeSpan.Zero;
        for (; inHand > 0; inHand--)
        {
            Task shown = pace.UntilNextAsync(null, CancellationToken.None);
            lasts += await time.AdvanceToNextTimerAsync();
            await shown;
        }
        Assert.True(lasts >= 1.5 * 5 * Token, $"in hand for {lasts.TotalMilliseconds} ms");
    }

    [Fact]
    public async Task A_source_that_gives_no_lead_is_cut_all_the_same()
    {
        var time = new ManualTime();
        CutPace pace = CutPace.Of(time, Token, 5 * Token)!;
        int steps = 0;
        for (; !pace.HasLead(0); steps++)
        {
            Task shown = pace.UntilNextAsync(null, CancellationToken.None);
            await time.AdvanceToNextTimerAsync();
            await shown;
        }
        Assert.InRange(steps, 32, 128);
    }
}
