using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Tests.Traces;

public class RequestScheduleTests
{
    private static TimeSpan S(double seconds) => TimeSpan.FromSeconds(seconds);

    private static TraceRequest Turn(Release release) => new(release, [new PromptMessage("user", new LiteralText("hello"))], 3);

    private static TraceSession Session(double start, params Release[] releases) => new(S(start), [.. releases.Select(Turn)]);

    private static Release After(double think, params int[] after) => new(after, S(think));

    private static DueRequest Take(RequestSchedule schedule, double now)
    {
        Assert.True(schedule.TryTake(S(now), out var due));
        return due;
    }

    [Fact]
    public void First_turns_are_due_at_their_sessions_start_whatever_is_in_flight()
    {
        var schedule = new RequestSchedule([Session(7, Release.AtSessionStart), Session(5, Release.AtSessionStart), Session(5, Release.AtSessionStart)]);
        Assert.Equal(S(0), schedule.NextDue);
        Assert.Equal(1, Take(schedule, 0).Session);
        Assert.Equal(2, Take(schedule, 0).Session);
        Assert.False(schedule.TryTake(S(1.9), out _));
        var last = Take(schedule, 30);
        Assert.Equal((0, S(2)), (last.Session, last.Scheduled));
        Assert.Equal(3, schedule.Remaining);
    }

    [Fact]
    public void A_follow_up_is_due_its_think_time_after_the_end_of_the_turn_before()
    {
        var schedule = new RequestSchedule([Session(0, Release.AtSessionStart, After(4, 0))]);
        var first = Take(schedule, 0);
        Assert.Null(schedule.NextDue);
        schedule.Ended(first, S(0), S(10));
        Assert.Equal(S(14), schedule.NextDue);
    }

    [Fact]
    public void After_a_refusal_a_session_goes_on_no_sooner_than_it_was_told()
    {
        var schedule = new RequestSchedule([Session(0, Release.AtSessionStart, After(4, 0), After(4, 1))]);
        schedule.Ended(Take(schedule, 0), S(0), S(1), retryAfter: S(10));
        Assert.Equal(S(11), schedule.NextDue);
        schedule.Ended(Take(schedule, 11), S(11), S(12), retryAfter: S(2));
        Assert.Equal(S(16), schedule.NextDue);
    }

    [Fact]
    public void Speed_divides_starts_and_pauses_but_not_the_engines_time()
    {
        var schedule = new RequestSchedule([Session(0, Release.AtSessionStart, After(4, 0)), Session(8, Release.AtSessionStart)], speed: 4);
        schedule.Ended(Take(schedule, 0), S(0), S(10));
        Assert.Equal(S(2), Take(schedule, 99).Scheduled);
        Assert.Equal(S(11), Take(schedule, 99).Scheduled);
    }

    [Fact]
    public void Where_only_starts_are_recorded_a_follow_up_waits_for_the_later_of_the_gap_and_the_end()
    {
        var releases = new[] { Release.AtSessionStart, new Release([0], TimeSpan.Zero, S(5)), new Release([1], TimeSpan.Zero, S(5)) };
        var schedule = new RequestSchedule([Session(0, releases)]);
        schedule.Ended(Take(schedule, 0), S(0), S(1));
        Assert.Equal(S(5), schedule.NextDue);
        schedule.Ended(Take(schedule, 5), S(5), S(17));
        Assert.Equal(S(17), schedule.NextDue);
    }

    [Fact]
    public void A_turn_after_several_waits_for_the_last_of_them()
    {
        var schedule = new RequestSchedule([Session(0, Release.AtSessionStart, After(0, 0), After(0, 0), After(2, 0, 1, 2))]);
        schedule.Ended(Take(schedule, 0), S(0), S(1));
        var (left, right) = (Take(schedule, 1), Take(schedule, 1));
        schedule.Ended(right, S(1), S(9));
        Assert.Null(schedule.NextDue);
        schedule.Ended(left, S(1), S(3));
        Assert.Equal(S(11), schedule.NextDue);
        schedule.Ended(Take(schedule, 11), S(11), S(12));
        Assert.Equal(0, schedule.Remaining);
    }

    [Fact]
    public void What_follows_a_failed_turn_is_given_up_and_the_rest_goes_on()
    {
        var schedule = new RequestSchedule([Session(0, Release.AtSessionStart, After(0, 0), After(0, 0), After(0, 1), After(0, 2), After(0, 3, 4))]);
        schedule.Ended(Take(schedule, 0), S(0), S(1));
        var (failing, healthy) = (Take(schedule, 1), Take(schedule, 1));
        Assert.Equal(2, schedule.Failed(failing));
        schedule.Ended(healthy, S(1), S(2));
        var after = Take(schedule, 2);
        Assert.Equal(4, after.Turn);
        schedule.Ended(after, S(2), S(3));
        Assert.Equal(0, schedule.Remaining);
        Assert.Null(schedule.NextDue);
    }
}
