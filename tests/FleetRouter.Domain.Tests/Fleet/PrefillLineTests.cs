using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Fleet;

public sealed class PrefillLineTests
{
    [Fact]
    public void The_line_is_what_is_pending_less_what_time_has_done_of_it()
    {
        var line = new PrefillLine(new PrefillSpeed(new PrefillSpeed(1_000)));
        InFlight first = Prompt(2_000), second = Prompt(1_000);
        line.Add(first, TimeSpan.Zero);
        line.Add(second, TimeSpan.Zero);
        double work = PrefillWork.Of(2_000, 2_000) + PrefillWork.Of(1_000, 1_000);
        Assert.Equal(work / 1_000, line.Seconds(TimeSpan.Zero), 1e-9);
        Assert.Equal(work / 1_000 - 1, line.Seconds(TimeSpan.FromSeconds(1)), 1e-9);
        Assert.Equal(0, line.Seconds(TimeSpan.FromSeconds(60)));
        line.Drop(first);
        Assert.Equal(PrefillWork.Of(1_000, 1_000) / 1_000, line.Seconds(TimeSpan.Zero), 1e-9);
        line.Drop(second);
        Assert.Equal((0, 0d), (line.Count, line.Seconds(TimeSpan.Zero)));
    }

    [Fact]
    public void A_line_is_overdue_when_all_of_it_should_have_been_computed_half_a_second_ago()
    {
        var line = new PrefillLine(new PrefillSpeed(new PrefillSpeed(1_000)));
        Assert.Equal(0, line.OverdueSeconds(TimeSpan.FromSeconds(60)));
        InFlight work = Prompt(2_000);
        line.Add(work, TimeSpan.Zero);
        double due = work.PrefillWork / 1_000;
        Assert.Equal(0, line.OverdueSeconds(TimeSpan.FromSeconds(due + 0.49)));
        Assert.Equal(0.51, line.OverdueSeconds(TimeSpan.FromSeconds(due + 0.51)), 1e-6);
        line.Finish(work, TimeSpan.FromSeconds(due + 5));
        Assert.Equal(0, line.OverdueSeconds(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void An_instance_given_all_it_can_do_is_busy_and_one_left_alone_is_not()
    {
        var line = new PrefillLine(new PrefillSpeed(new PrefillSpeed(1_000)));
        TimeSpan now = TimeSpan.Zero;
        for (int i = 0; i < 600; i++)
        {
            InFlight work = Prompt(1_000);
            line.Add(work, now);
            now += TimeSpan.FromSeconds(work.PrefillWork / 1_000);
            line.Drop(work);
        }
        Assert.Equal(1, line.BusyShare(now), 0.02);
        Assert.True(line.BusyShare(now + TimeSpan.FromMinutes(10)) < 0.01);
    }

    [Theory]
    [InlineData(0.01, false, 20_000)]   // 200 tokens in 10 ms each
    [InlineData(0.01, true, 10_000)]    // a long prompt told better
    [InlineData(0.5, false, 1_000)]     // slower than believed: of what else they waited for nobody knows
    public void Where_there_are_only_short_prompts_they_show_what_the_speed_is_at_least(double seconds, bool afterALongOne, double rate)
    {
        var line = new PrefillLine(new PrefillSpeed(new PrefillSpeed(1_000)));
        TimeSpan now = TimeSpan.Zero;
        if (afterALongOne)
            Pass(100_000, PrefillWork.Of(100_000, 100_000) / 10_000 + 0.02);
        for (int i = 0; i < 4_000; i++)
            Pass(200, seconds);
        Assert.InRange(line.Rate, 0.85 * rate, 1.1 * rate);

        void Pass(int tokens, double takes)
        {
            InFlight work = Prompt(tokens);
            work.DispatchedAt = now;
            line.Add(work, now);
            now += TimeSpan.FromSeconds(takes);
            line.Finish(work, now);
        }
    }

    private static InFlight Prompt(int tokens) => new(new PlacementRequest { Id = "r", Model = "m", Api = ApiKind.Chat, Prompt = PromptChain.Empty }, TimeSpan.Zero)
    {
        PromptTokens = tokens, UncachedTokens = tokens, PrefillWork = PrefillWork.Of(tokens, tokens),
    };
}
