using FleetRouter.Domain.Fleet;
using FleetRouter.Gateway.Resuming;

namespace FleetRouter.Gateway.Tests.Resuming;

public sealed class ResumeReasonTests
{
    [Theory]
    [InlineData(AttemptFailure.Broke, 200, 8, "broke")]
    [InlineData(AttemptFailure.Broke, 600, 8, "stalled")]     // it stood still before its connection broke
    [InlineData(AttemptFailure.Broke, 600, 50, "broke")]      // for an engine as slow as this that is no silence
    [InlineData(AttemptFailure.Broke, 1_200, 50, "stalled")]
    [InlineData(AttemptFailure.Broke, 600, 0, "stalled")]     // it has hardly begun
    [InlineData(AttemptFailure.Stalled, 100, 8, "stalled")]
    public void An_engine_that_stood_still_before_its_connection_broke_had_stalled(AttemptFailure failure, int silent, int interToken, string reason) =>
        Assert.Equal(reason, ResumableStream.ReasonOf(failure, TimeSpan.FromMilliseconds(silent), TimeSpan.FromMilliseconds(interToken)));
}
