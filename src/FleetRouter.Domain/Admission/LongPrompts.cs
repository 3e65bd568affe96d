namespace FleetRouter.Domain.Admission;

/// <summary>Keeps the tenth with the longest prompts from starving where memory is short: a full cache frees the room of a short prompt all the
/// time, that of a long one hardly ever in time. As far as they miss their SLO more often than the others they go sooner, and the others leave
/// some room for them.</summary>
/// <remarks>Not where a tenth of all misses it: that nine tenths are in time comes first, and in overload long prompts cost the most of all.</remarks>
internal sealed class LongPrompts
{
    /// <summary>Share of the prompts that are no longer than those it is about.</summary>
    private const double Ordinary = 0.9;

    /// <summary>By what share of their SLO they go before their turn at most.</summary>
    private const double LeadShare = 0.5;

    /// <summary>Share of such a prompt that the others leave free in each cache at most: room that is there when it comes need not be waited for.</summary>
    private const double RoomShare = 0.1;

    /// <summary>Where they miss so many times as often as all do, all is done for them that may be.</summary>
    private const double Starving = 3;

    /// <summary>Share of all requests that miss their SLO from which on less is done, and from which on nothing.</summary>
    private const double ManyMiss = 0.08, TooManyMiss = 0.1;

    /// <summary>How far one prompt moves the bound, in logarithm, and one of the longest their mean.</summary>
    private const double BoundStep = 0.02, MeanStep = 0.05;

    /// <summary>How far one outcome moves the share that misses: of all, the last few hundred tell, of the tenth as many in as much time.</summary>
    private const double MissStep = 0.005, LongMissStep = 0.05;

    /// <summary>Where next to nobody misses, a single one is no starving.</summary>
    private const double LeastMissing = 0.005;

    private double _bound, _mean, _missing, _longMissing;

    /// <summary>Whether a prompt that comes is one of them.</summary>
    /// <param name="tokens">Its length.</param>
    public bool IsLong(int tokens)
    {
        if (_bound == 0)
            _bound = _mean = tokens;
        bool isLong = tokens > _bound;
        // Stays where nine tenths of the steps lead down from and one tenth leads up from.
        _bound = Math.Max(1, _bound * Math.Exp(BoundStep * (isLong ? Ordinary : Ordinary - 1)));
        if (isLong)
            _mean += MeanStep * (tokens - _mean);
        return isLong;
    }

    /// <summary>By how much one of them goes before its turn now.</summary>
    /// <param name="slo">Time to its first token promised.</param>
    public TimeSpan Lead(TimeSpan slo) => Share * LeadShare * slo;

    /// <summary>Tokens of a cache the others leave free now.</summary>
    public long Room => (long)(Share * RoomShare * _mean);

    /// <summary>A request that could meet its SLO did, or did not.</summary>
    public void Ended(bool isLong, bool isMissed)
    {
        double missed = isMissed ? 1 : 0;
        _missing += MissStep * (missed - _missing);
        if (isLong)
            _longMissing += LongMissStep * (missed - _longMissing);
    }

    /// <summary>How much of what may be done for them is done, 0 to 1.</summary>
    private double Share => Math.Clamp((_longMissing / Math.Max(LeastMissing, _missing) - 1) / (Starving - 1), 0, 1)
        * Math.Clamp((TooManyMiss - _missing) / (TooManyMiss - ManyMiss), 0, 1);
}
