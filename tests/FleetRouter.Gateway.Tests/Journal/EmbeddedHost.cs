using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Gateway.Tests.Journal;

/// <summary>Feeds recorded events to the embedded host through its own doors, its clock at each event's time.</summary>
internal static class EmbeddedHost
{
    /// <summary>The digest of what the host decides upon <paramref name="events"/>, each at its time.</summary>
    public static DecisionDigest Decide(PoolOptions options, IEnumerable<PoolEvent> events)
    {
        var digest = new DecisionDigest();
        var time = new EventTime();
        using var host = new PoolHost(options, new HostClock(time), (_, effect) => digest.Add(effect));
        foreach (PoolEvent happened in events)
        {
            time.Now = happened.At;
            switch (happened)
            {
                case InstanceJoined e: host.Join(new EngineEndpoint(e.Instance, new Uri("http://engine"))); break;
                case InstanceLeft e: host.Leave(e.Instance); break;
                case InstanceProbed e: host.Probed(e.Instance, e.Report); break;
                case ProbeFailed e: host.ProbeFailed(e.Instance, e.Reason); break;
                case RequestArrived e: _ = host.PlaceAsync(e.Request, CancellationToken.None); break;
                case RequestProgressed e: host.Progressed(e.RequestId, e.OutputTokens, e.LongestGap); break;
                case AttemptFailed e: _ = host.RetryAsync(e.RequestId, e.Failure, e.Reason, e.EmittedTokens, CancellationToken.None); break;
                case RequestEnded e: host.Ended(e.RequestId, e.End, e.Usage); break;
                case DrainOrdered e: _ = host.DrainAsync(e.Instance, e.Drains, e.Within, TimeSpan.Zero, CancellationToken.None); break;
                case HedgeEnded e: host.HedgeEnded(e.RequestId, e.End, e.Failure, e.Reason); break;
                case MigrationEnded e: host.MigrationEnded(e.RequestId, e.EmittedTokens, e.Failure); break;
                case OptionsChanged e: host.Change(e.Options); break;
                case RequestAdopted e: host.Adopt(e.Request, e.Instance, e.Attempt, e.EmittedTokens, e.OutputTokens, e.RunningFor, e.IfUnknown, null); break;
                case PlacementRemembered e: host.Remember(e.Request, e.Instance); break;
                case ProfileRecalled e: host.Recall(e.Profile); break;
                case GatewayHas e: _ = host.GatewayHasAsync(e.Gateway, e.Requests); break;
                case AlarmRang: time.Ring(); break;
                default: Assert.Fail($"say here how a host is told of {happened.GetType().Name}"); break;
            }
        }
        return digest;
    }
}
