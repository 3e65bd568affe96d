using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;

namespace FleetRouter.Simulation.Comparison;

/// <summary>What a request is promised.</summary>
/// <param name="Ttft">Time to first token of an empty prompt.</param>
/// <param name="TtftPerThousandTokens">Added for each 1,000 prompt tokens; zero for a flat bound.</param>
/// <param name="InterToken">Mean time between its tokens.</param>
public sealed record Slo(TimeSpan Ttft, TimeSpan TtftPerThousandTokens, TimeSpan InterToken)
{
    /// <summary>A first token within 5 s, the bound of Mooncake and DualMap; tokens at 100 ms.</summary>
    public static Slo Flat { get; } = new(TimeSpan.FromSeconds(5), TimeSpan.Zero, TimeSpan.FromMilliseconds(100));

    /// <summary>1 s and 62.5 ms for each 1,000 prompt tokens, the bound of SMetric; tokens at 100 ms.</summary>
    public static Slo ByLength { get; } = new(TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(62.5), TimeSpan.FromMilliseconds(100));

    /// <summary>Its first tokens as the command line has them: <c>5s</c>, or <c>1s+62.5ms</c>.</summary>
    public override string ToString() => TtftPerThousandTokens == TimeSpan.Zero
        ? FormattableString.Invariant($"{Ttft.TotalSeconds:0.######}s")
        : FormattableString.Invariant($"{Ttft.TotalSeconds:0.######}s+{TtftPerThousandTokens.TotalMilliseconds:0.###}ms");

    /// <summary>Time a prompt of that length may wait for its first token.</summary>
    public TimeSpan TtftFor(int promptTokens) => PoolOptions.TtftSloOf(Ttft, TtftPerThousandTokens, promptTokens);

    /// <summary>Whether a request was answered as promised.</summary>
    public bool IsMet(RequestOutcome outcome) =>
        outcome.TimeToFirstToken <= TtftFor(outcome.Request.PromptTokens) && outcome.InterTokenTime <= InterToken;

    /// <summary>Whether an idle engine that has all of the prompt which any earlier request left could meet it. What cannot be met by any
    /// placement is no placement's failure: such a request leaves the SLO class, and must finish none the less.</summary>
    public bool IsPossible(PreparedRequest request, EngineProfile profile, TimeSpan roundTrip) =>
        profile.ApiDelay + roundTrip + request.LeastPrefill(profile) <= TtftFor(request.PromptTokens);
}
