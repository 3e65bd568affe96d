using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Comparison;

/// <summary>How much prompt a workload comes back to, whatever the placement: the measure KV capacities are chosen by.</summary>
public static class WorkingSet
{
    /// <summary>Share of the fleet's speed at which requests arrive for the estimate.</summary>
    private const double Load = 0.7;

    /// <summary>Requests decoding beside one another for the estimate of a token's cost.</summary>
    private const int DecodeBatch = 64;

    /// <summary>Distinct prompt tokens, averaged over the middle four fifths of the arrivals, that have been used and will be used again,
    /// when requests arrive as if answers took no time.</summary>
    public static long Tokens(PreparedWorkload workload, double pace)
    {
        (TimeSpan At, PreparedRequest Request)[] arrivals = [.. workload.NominalArrivals(pace)];
        if (arrivals.Length < 2)
            return 0;
        int tenth = arrivals.Length / 10;
        (TimeSpan from, TimeSpan to) = (arrivals[tenth].At, arrivals[^(tenth + 1)].At);
        var uses = new Dictionary<ulong, (TimeSpan First, TimeSpan Last)>();
        foreach ((TimeSpan at, PreparedRequest request) in arrivals)
        {
            foreach (ulong block in request.ForEngine.PromptBlocks)
                uses[block] = (uses.TryGetValue(block, out (TimeSpan First, TimeSpan Last) use) ? use.First : at, at);
        }
        if (to <= from)
            return uses.Values.LongCount(use => use.Last > use.First) * BlockHash.BlockSize;
        // In ticks, as whole numbers: the order of a dictionary must not matter to the last bit.
        Int128 held = 0;
        foreach ((TimeSpan first, TimeSpan last) in uses.Values)
            held += Math.Max(0, (last < to ? last : to).Ticks - (first > from ? first : from).Ticks);
        return (long)(held * BlockHash.BlockSize / (to - from).Ticks);
    }

    /// <summary>Requests a second that engines of this profile compute together with a perfect cache without bound, at the load for which
    /// working sets are told. An estimate: the idle engine's prefill of what no earlier request left, and a share of
    /// decode steps of a middling batch.</summary>
    public static double EstimatedRate(PreparedWorkload workload, EngineProfile profile, int instances)
    {
        double seconds = 0;
        foreach (PreparedRequest request in workload.All)
        {
            int output = request.ForEngine.OutputTokens;
            long context = request.PromptTokens + output / 2;
            var step = new StepLoad(0, 0, DecodeBatch, context * DecodeBatch, DecodeBatch);
            seconds += request.LeastPrefill(profile).TotalSeconds + output * StepTime.Of(profile, step).Total / DecodeBatch;
        }
        return Load * instances * workload.All.Count / seconds;
    }
}
