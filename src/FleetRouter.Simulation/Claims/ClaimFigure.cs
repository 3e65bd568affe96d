using System.Text.Json.Serialization;

namespace FleetRouter.Simulation.Claims;

/// <summary>How a source writes a gain.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Gain>))]
public enum Gain
{
    /// <summary>More of a good thing, in percent.</summary>
    More,

    /// <summary>Less of a time, in percent below zero.</summary>
    Less,

    /// <summary>A time that is so many times shorter.</summary>
    Times,

    /// <summary>One share as percent of another.</summary>
    Share,
}

/// <summary>A published gain beside the one found here, both as the source writes it.</summary>
/// <param name="Claim">Whose what, over whom.</param>
/// <param name="Gain">How the source writes it.</param>
/// <param name="Published">The published gain, of a range the end nearer to none.</param>
/// <param name="PublishedMost">The other end; the same where one figure is published.</param>
/// <param name="Best">The largest gain found at any rate.</param>
/// <param name="BestRate">The rate it was found at, requests a second.</param>
/// <param name="Least">The smallest gain found at any rate.</param>
/// <param name="Why">Where the two differ: why, by figures told in the same report; null where they agree.</param>
public sealed record ClaimFigure(
    string Claim, Gain Gain, double Published, double PublishedMost, double Best, double BestRate, double Least, string? Why = null)
{
    /// <summary>The best gain found over the nearer end of the published range; 1 within it.</summary>
    public double RatioToPublished =>
        Best / Published < 1 ? Best / Published : Best / PublishedMost > 1 ? Best / PublishedMost : 1;

    /// <summary>Whether the best gain is off the published one by more than a quarter.</summary>
    public bool Differs => RatioToPublished is < 0.75 or > 4.0 / 3;

    /// <summary>A figure over all rates.</summary>
    /// <param name="claim">Whose what, over whom.</param>
    /// <param name="gain">How the source writes it.</param>
    /// <param name="published">The published gain, or the ends of its range.</param>
    /// <param name="found">Rates, and by how many times the claimed policy was better there.</param>
    /// <param name="why">Why they differ, if they do.</param>
    /// <exception cref="InvalidOperationException">No rate was run.</exception>
    public static ClaimFigure Of(
        string claim, Gain gain, (double Least, double Most) published, IEnumerable<(double Rate, double Factor)> found, string? why = null)
    {
        (double Rate, double Factor)[] all = [.. found];
        (double rate, double factor) = all.MaxBy(point => point.Factor);
        var figure = new ClaimFigure(
            claim, gain, published.Least, published.Most, Written(gain, factor), rate, Written(gain, all.Min(point => point.Factor)), why);
        return figure.Differs ? figure : figure with { Why = null };
    }

    /// <summary>A gain in the source's own notation.</summary>
    public string Text(double value) => Gain switch
    {
        Gain.Times => FormattableString.Invariant($"{value:0.0}x"),
        Gain.Share => FormattableString.Invariant($"{value:0.0} %"),
        _ => FormattableString.Invariant($"{value:+0.0;-0.0;0.0} %"),
    };

    private static double Written(Gain gain, double factor) => gain switch
    {
        Gain.More => 100 * (factor - 1),
        Gain.Less => 100 * (1 / factor - 1),
        Gain.Share => 100 * factor,
        _ => factor,
    };
}
