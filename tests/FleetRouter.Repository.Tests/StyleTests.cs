using System.Text.RegularExpressions;

namespace FleetRouter.Repository.Tests;

/// <summary>Style that a reader would otherwise have to watch for.</summary>
public sealed partial class StyleTests
{
    private const int MaxLines = 400;

    [Fact]
    public void No_file_is_longer_than_a_reader_can_hold() => Expect.None(
        Checkout.Files.Where(file => Path.GetExtension(file) is ".cs" or ".sh" or ".html" or ".js" or "")
            .Select(file => (File: file, Lines: Checkout.Text(file).Count(c => c == '\n')))
            .Where(file => file.Lines > MaxLines && file.File != "LICENSE")
            .Select(file => $"{file.File} has {file.Lines} lines; {MaxLines} at most"));

    [Fact]
    public void Nothing_is_left_undone_in_the_product() => Expect.None(
        Checkout.Code().SelectMany(file => Unfinished().Matches(Checkout.Text(file)).Select(match => $"{file}: {match.Value}")));

    [Fact]
    public void No_type_has_a_name_that_says_nothing() => Expect.None(
        Checkout.Types.Where(type => EmptyName().IsMatch(type.Key)).Select(type => $"{type.Key} in {type.First()}"));

    [Fact]
    public void The_domain_uses_no_collection_whose_order_is_chance()
    {
        var domain = Checkout.Code().Where(file => file.StartsWith("src/FleetRouter.Domain/", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(domain);
        Expect.None(domain.SelectMany(file => UnorderedIn(Checkout.Text(file)).Select(name => $"{file}: {name}; its order differs from run to run")));
    }

    /// <summary>The compiler's own ban sees a name, not the target type of <c>[a, b]</c>; the text shows both.</summary>
    [Fact]
    public void The_ban_sees_a_collection_expression_and_no_comment() =>
        Assert.Equal(["ImmutableHashSet", "HashCode"], UnorderedIn("""
            ImmutableHashSet<int> set = [1, 2]; // not ImmutableDictionary
            /* PriorityQueue */ int GetHashCode() => HashCode.Combine(1);
            """));

    [Fact]
    public void No_file_names_a_path_of_one_machine() => Expect.None(
        from file in Checkout.Files
        where Path.GetExtension(file) is ".cs" or ".csproj" or ".props" or ".md" or ".sh" or ".yaml" or ".yml" or ".json" or ".html" or ".js" or ".sln" or ""
        from match in MachinePath().Matches(Checkout.Text(file))
        select $"{file}: {match.Value}");

    private static IEnumerable<string> UnorderedIn(string code) => Unordered().Matches(Checkout.WithoutComments(code)).Select(match => match.Value);

    [GeneratedRegex(@"\b(?:TO" + @"DO|FIX" + @"ME|HA" + @"CK|NotImplemented" + @"Exception)\b")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"(?:Manager|Helpers?|Utils?|Utility)$")]
    private static partial Regex EmptyName();

    [GeneratedRegex(@"\b(?:ImmutableHashSet|ImmutableDictionary|PriorityQueue|HashCode)\b")]
    private static partial Regex Unordered();

    // In two halves, so that this line is no such path itself.
    [GeneratedRegex("(?<![\\w.}$])/(?:wo" + "rk|ho" + "me|Us" + "ers)/[\\w.-]+|[A-Z]:\\\\Us" + "ers\\\\\\w+")]
    private static partial Regex MachinePath();
}
