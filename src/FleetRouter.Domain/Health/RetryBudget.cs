namespace FleetRouter.Domain.Health;

/// <summary>How many second attempts a pool may make: a share of its traffic, so that a sick fleet is not asked for thrice its load.</summary>
/// <remarks>After Finagle's and Linkerd's retry budgets (a share of 20 % over 10 s, and a few for a quiet service) and Envoy's (a share of the
/// requests in flight): of both, since an answer may take longer than that. Answers that go on elsewhere are no
/// part of it: they were admitted, and are moved on whatever it takes.</remarks>
internal sealed class RetryBudget
{
    /// <summary>Attempts allowed whatever the traffic: an instance that dies in a quiet pool loses a few requests at once.</summary>
    private const double Reserve = 20;

    private static readonly TimeSpan Memory = TimeSpan.FromSeconds(7);   // a mean age of 10 s

    private FadingSum _requests = new(Memory), _retries = new(Memory);

    public void Arrived(TimeSpan now) => _requests.Add(1, now);

    /// <summary>Counts an attempt; false if it is beyond the budget and not made.</summary>
    /// <param name="share">Share of the requests.</param>
    /// <param name="inFlight">Requests that have no end yet.</param>
    /// <param name="now">The time.</param>
    public bool TryTake(double share, int inFlight, TimeSpan now)
    {
        if (_retries.At(now) + 1 > Reserve + share * (_requests.At(now) + inFlight))
            return false;
        _retries.Add(1, now);
        return true;
    }
}
