namespace FleetRouter.Domain.Health;

/// <summary>How an instance has behaved lately, and what it has to show before it is trusted again.</summary>
/// <remarks>An instance that fails once is out until a probe finds it well. One that goes on failing is <em>ejected</em>: it has to answer
/// its probes for a time on end, twice as long with each ejection in a row, as Envoy's outlier detection and Finagle's failure accrual have
/// it (30 s to 300 s by the multiple, and 5 s to 300 s by the double). Readmitted, it gets a few requests at once, twice as many with each
/// first token.</remarks>
internal sealed class InstanceHealth
{
    public static readonly TimeSpan FirstEjection = TimeSpan.FromSeconds(5), LongestEjection = TimeSpan.FromMinutes(5);

    /// <summary>What failed so long ago counts half.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromSeconds(30);

    /// <summary>A fall so long ago counts half. An engine takes a minute or two to start, so one that crashes in a loop falls once in some minutes.</summary>
    private static readonly TimeSpan FallMemory = TimeSpan.FromMinutes(2);

    /// <summary>Time that an instance has to behave after an ejection for one of its ejections to be forgotten.</summary>
    private static readonly TimeSpan Trial = TimeSpan.FromMinutes(1);

    /// <summary>Share of attempts that may fail: engines fail seldom, and a request goes on elsewhere.</summary>
    private const double MostFailures = 0.1;

    /// <summary>One failure, or one fall, may be bad luck. Two are not, unless the first is long ago.</summary>
    private const double LeastIncidents = 1.3;

    private const int FirstSlots = 2, LongestDoubling = 6;

    private FadingSum _incidents = new(Memory), _successes = new(Memory), _falls = new(FallMemory);
    private TimeSpan? _answersSince;
    private bool _isDown;
    private TimeSpan _readmittedAt, _behavesSince;
    private int _ejections;

    /// <summary>Requests of this router it may have at once: few after an ejection.</summary>
    public int Slots { get; private set; } = int.MaxValue;

    /// <summary>Time on end it has to answer its probes before it is readmitted; zero unless it is ejected.</summary>
    public TimeSpan Probation { get; private set; }

    /// <summary>How fast its answers come.</summary>
    public FadingPace Pace { get; } = new();

    /// <summary>Attempts that failed lately, and all; an instance that broke with many requests on it failed once.</summary>
    public (double Failed, double All) Attempts(TimeSpan now) => (_incidents.At(now), _incidents.At(now) + _successes.At(now));

    /// <summary>Whether an attempt says how the instance has been since it was readmitted.</summary>
    public bool IsSince(TimeSpan began) => began >= _readmittedAt;

    public void Failed(TimeSpan now)
    {
        Forgive(now);
        _incidents.Add(1, now);
    }

    public void Succeeded(TimeSpan now) => _successes.Add(1, now);

    /// <summary>A first token, or a whole answer: it may have more requests at once.</summary>
    public void Served(int most)
    {
        if (Slots < int.MaxValue)
            Slots = Slots >= most / 2 ? int.MaxValue : 2 * Slots;
    }

    /// <summary>Whether it fails too often, as against its peers: that all fail is nobody's fault here.</summary>
    public bool IsFailing(double peersShare, TimeSpan now)
    {
        (double failed, double all) = Attempts(now);
        bool isOnTrial = _ejections > 0 && now - _readmittedAt < Trial;
        return (isOnTrial || failed > LeastIncidents) && failed >= MostFailures * all && failed >= Outliers.Times * peersShare * all;
    }

    /// <summary>Times it fell of late: stopped answering, or was another process than before.</summary>
    public double Falls(TimeSpan now) => _falls.At(now);

    /// <summary>It fell; false if that is known since it answered last.</summary>
    public bool Fell(TimeSpan now)
    {
        if (_isDown)
            return false;
        (_isDown, _answersSince) = (true, null);
        _falls.Add(1, now);
        return true;
    }

    /// <summary>Whether it falls too often, as against its peers: however much it served in between, the next fall is near.</summary>
    public bool IsFalling(double peersFalls, TimeSpan now) => Falls(now) - peersFalls > LeastIncidents;

    /// <summary>Has it prove itself, for twice as long as the last time unless it has behaved since.</summary>
    public void Eject(TimeSpan now)
    {
        Forgive(now);
        _ejections++;
        Probation = TimeSpan.FromTicks(Math.Min(FirstEjection.Ticks << Math.Min(_ejections - 1, LongestDoubling), LongestEjection.Ticks));
        _answersSince = null;
    }

    public void Answered(TimeSpan now) => (_answersSince, _isDown) = (_answersSince ?? now, false);

    public void Missed() => _answersSince = null;

    /// <summary>Whether it answers its probes, but not yet for as long as it has to.</summary>
    public bool IsOnProbation(TimeSpan now) => _answersSince is { } since && now - since < Probation;

    public void Readmit(TimeSpan now)
    {
        _readmittedAt = _behavesSince = now;
        if (Probation == TimeSpan.Zero)
            return;
        // One that is back before its time because it is needed has to bear its part.
        (Probation, Slots) = (TimeSpan.Zero, IsOnProbation(now) ? int.MaxValue : FirstSlots);
        _incidents.Clear();
        _successes.Clear();
        Pace.Clear();
    }

    private void Forgive(TimeSpan now)
    {
        _ejections = Math.Max(0, _ejections - (int)((now - _behavesSince) / Trial));
        _behavesSince = now;
    }
}
