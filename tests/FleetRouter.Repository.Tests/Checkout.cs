using System.Text.RegularExpressions;

namespace FleetRouter.Repository.Tests;

/// <summary>The repository's own files, without what builds leave behind.</summary>
internal static partial class Checkout
{
    private static readonly HashSet<string> NotOurs = [".git", ".vs", ".idea", "artifacts", "bin", "obj", "node_modules", "shared", "TestResults"];

    public static string Root => CheckoutFolder.Root;

    /// <summary>Every file, as a path from the root with forward slashes, in order.</summary>
    public static IReadOnlyList<string> Files { get; } =
        [.. Walk(new DirectoryInfo(Root)).Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/')).Order(StringComparer.Ordinal)];

    /// <summary>Every C# file of the product, and of the tests too where asked.</summary>
    public static IEnumerable<string> Code(bool withTests = false) =>
        Files.Where(file => file.EndsWith(".cs", StringComparison.Ordinal) && (IsProduct(file) || (withTests && file.StartsWith("tests/", StringComparison.Ordinal))));

    public static bool IsProduct(string file) => file.StartsWith("src/", StringComparison.Ordinal) || file.StartsWith("loadgen/", StringComparison.Ordinal);

    public static string Text(string file) => File.ReadAllText(Path.Combine(Root, file));

    public static bool Exists(string path) => Path.Exists(Path.Combine(Root, path));

    /// <summary>Types declared anywhere in the repository, with the files that declare them.</summary>
    public static ILookup<string, string> Types { get; } = Code(withTests: true)
        .SelectMany(file => Declaration().Matches(WithoutComments(Text(file))).Select(match => (Name: match.Groups[1].Value, File: file)))
        .ToLookup(type => type.Name, type => type.File, StringComparer.Ordinal);

    /// <summary>C# with its comments blanked, so that a rule about code is not broken by a sentence about it.</summary>
    public static string WithoutComments(string code) => Comment().Replace(code, match => match.Value.StartsWith('/') ? "" : match.Value);

    private static IEnumerable<string> Walk(DirectoryInfo folder) =>
        folder.EnumerateFiles().Where(file => !NotOurs.Contains(file.Name)).Select(file => file.FullName)
            .Concat(folder.EnumerateDirectories().Where(inner => !NotOurs.Contains(inner.Name) && inner.LinkTarget is null).SelectMany(Walk));

    [GeneratedRegex(@"\b(?:class|struct|interface|enum|record(?:\s+(?:class|struct))?|delegate\s+[\w<>?\[\], ]+?)\s+([A-Z]\w*)")]
    private static partial Regex Declaration();

    // Strings come first, so that "http://" in one does not begin a comment.
    [GeneratedRegex("\"\"\"[\\s\\S]*?\"\"\"|@\"(?:[^\"]|\"\")*\"|\"(?:[^\"\\\\\\n]|\\\\.)*\"|'(?:[^'\\\\\\n]|\\\\.)+'|//[^\\n]*|/\\*[\\s\\S]*?\\*/")]
    private static partial Regex Comment();
}
