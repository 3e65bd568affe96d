using FleetRouter.Gateway.Tests.Engines;
using FleetRouter.Orleans.Pools;

namespace FleetRouter.Orleans.Tests;

public sealed class AlarmTests
{
    [Fact]
    public async Task A_call_that_comes_when_it_is_set_anew_is_not_yet_the_time()
    {
        var time = new ManualTime();
        var rings = new List<bool>();
        Alarm alarm = null!;
        bool isOvertaken = true;
        await using (alarm = new Alarm(time, () =>
        {
            if (isOvertaken)
                alarm.Set(TimeSpan.FromMilliseconds(25));
            isOvertaken = false;
            rings.Add(alarm.IsDue());
        }))
        {
            alarm.Set(TimeSpan.FromMilliseconds(2));
            Assert.Equal(TimeSpan.FromMilliseconds(2), await time.AdvanceToNextTimerAsync());
            Assert.Equal([false], rings);
            Assert.Equal(TimeSpan.FromMilliseconds(25), await time.AdvanceToNextTimerAsync());
            Assert.Equal([false, true], rings);
        }
    }
}
