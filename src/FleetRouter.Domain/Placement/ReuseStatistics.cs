namespace FleetRouter.Domain.Placement;

/// <summary>What a pool has learned of how its prompts come back: how much of a prompt is usually cached somewhere, how long after its
/// last use, and what is left to compute.</summary>
internal sealed class ReuseStatistics
{
    /// <summary>Later turns beyond these make no difference.</summary>
    private const double MostLaterTurns = 10;

    private double _cachedShare = 0.5, _ageSeconds = 60;

    /// <summary>Mean seconds of prefill a request takes where it is placed.</summary>
    public double MeanOwnSeconds { get; private set; } = 0.3;

    /// <summary>Turns still to come that find their prefix where this one leaves it: as a share p of each prompt was there before, each is
    /// followed by p/(1 − p) more.</summary>
    public double LaterTurns => Math.Min(MostLaterTurns, _cachedShare / Math.Max(1e-9, 1 - _cachedShare));

    /// <summary>Weight, 0 to 1, of what nobody asked for during that time: it falls to 1/e in twice the usual time between two uses.</summary>
    public double StillWanted(TimeSpan unused) => Math.Exp(-unused.TotalSeconds / (2 * _ageSeconds));

    /// <summary>Learns from one placement.</summary>
    /// <param name="query">The request.</param>
    /// <param name="cachedTokens">Most of its prompt that any instance has.</param>
    /// <param name="usedAt">When that was last used.</param>
    /// <param name="ownSeconds">What is left to compute, where it goes.</param>
    public void Saw(in PlacementQuery query, int cachedTokens, TimeSpan usedAt, double ownSeconds)
    {
        MeanOwnSeconds += 0.02 * (ownSeconds - MeanOwnSeconds);
        _cachedShare += 0.01 * ((double)cachedTokens / Math.Max(1, query.Work.PromptTokens) - _cachedShare);
        // A short shared beginning comes back all the time and tells nothing of conversations.
        if (2L * cachedTokens > query.Work.PromptTokens)
            _ageSeconds = Math.Max(1, _ageSeconds + 0.02 * ((query.Now - usedAt).TotalSeconds - _ageSeconds));
    }
}
