namespace FleetRouter.Domain.Health;

/// <summary>How long requests wait for their first token, as a multiple of what was expected of them when they were sent.</summary>
/// <remarks>A histogram of multiples, four buckets to a doubling, that forgets: enough to tell the wait that 95 of 100 requests do not reach,
/// after which a request is worth asking twice (Dean and Barroso, The Tail at Scale, CACM 56(2), 2013). A multiple, since what is expected spans
/// milliseconds to minutes and one bound in seconds would suit neither end.</remarks>
internal sealed class FirstTokenWaits
{
    /// <summary>Seconds on the way to a first token that no estimate counts, added to it: the way there and back, steps of the batch. It keeps a few
    /// milliseconds' lateness of a short prompt from being a large multiple.</summary>
    public const double Base = 0.1;

    /// <summary>Requests that tell enough: two of them are beyond the 95th percentile.</summary>
    public const int LeastSeen = 40;

    /// <summary>As many seen, all count half.</summary>
    private const double MostSeen = 1_000;

    private const int PerDoubling = 4, Below = 4 * PerDoubling, Buckets = Below + 8 * PerDoubling;   // from a sixteenth to 256 times

    private readonly double[] _counts = new double[Buckets];
    private double _seen;

    /// <summary>A first token came, or was not waited for any longer, after so many seconds.</summary>
    public void Saw(double waited, double expected)
    {
        double multiple = Math.Max(waited, 0) / (expected + Base);
        _counts[multiple > 0 ? (int)Math.Clamp(Math.Floor(Math.Log2(multiple) * PerDoubling) + Below, 0, Buckets - 1) : 0]++;
        if (++_seen < MostSeen)
            return;
        _seen = 0;
        for (int i = 0; i < Buckets; i++)
            _seen += _counts[i] /= 2;
    }

    /// <summary>Seconds within which that share of the requests that are expected to take so long have their first token; null while too little is
    /// known.</summary>
    public double? Within(double share, double expected)
    {
        if (_seen < LeastSeen)
            return null;
        int bucket = 0;
        for (double sum = _counts[0]; sum < share * _seen && bucket < Buckets - 1;)
            sum += _counts[++bucket];
        return Math.Pow(2, (bucket + 1 - Below) / (double)PerDoubling) * (expected + Base);
    }
}
