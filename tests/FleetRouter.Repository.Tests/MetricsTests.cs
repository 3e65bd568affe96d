using System.Text.RegularExpressions;

namespace FleetRouter.Repository.Tests;

/// <summary>Operators find every metric in docs/operations.md, and nowhere one that is not there.</summary>
public sealed partial class MetricsTests
{
    private const string Page = "docs/operations.md";

    /// <summary>What the Prometheus writer appends for units and kinds, and what a histogram's series end in.</summary>
    private const string Suffixes = "(?:_seconds|_bytes|_tokens|_ratio)?(?:_total|_bucket|_sum|_count)?";

    /// <summary>Instruments of the product, as the Prometheus writer spells their names.</summary>
    private static IReadOnlyList<string> Instruments { get; } =
        [.. Checkout.Files.Where(f => f.StartsWith("src/", StringComparison.Ordinal) && f.EndsWith(".cs", StringComparison.Ordinal))
            .SelectMany(f => Instrument().Matches(Checkout.Text(f))).Select(m => m.Groups[1].Value.Replace('.', '_')).Distinct().Order(StringComparer.Ordinal)];

    [Fact]
    public void Every_metric_stands_on_the_operators_page()
    {
        Assert.NotEmpty(Instruments);
        string page = Checkout.Text(Page);
        Expect.None(Instruments.Where(name => !Regex.IsMatch(page, $"`{name}{Suffixes}`")).Select(name => $"{Page} does not tell what {name} means"));
    }

    [Fact]
    public void Every_metric_a_page_names_is_measured() => Expect.None(Documentation.Pages.SelectMany(page =>
        Metric().Matches(Checkout.Text(page)).Select(m => m.Value).Distinct()
            .Where(name => !Instruments.Any(known => Regex.IsMatch(name, $"^{known}{Suffixes}$"))).Select(name => $"{page}: nothing measures {name}")));

    [GeneratedRegex(@"\.Create\w+(?:<\w+>)?\(\s*""([a-z][a-z0-9_.]+)""")]
    private static partial Regex Instrument();

    [GeneratedRegex(@"\b(?:fleetrouter|process|dotnet)_[a-z][a-z0-9_]*(?![a-z0-9_(])")]
    private static partial Regex Metric();
}
