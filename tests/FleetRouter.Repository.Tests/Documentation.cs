using System.Text.RegularExpressions;

namespace FleetRouter.Repository.Tests;

/// <summary>Finds what a page names that does not exist: files, types, verbs of the script.</summary>
/// <remarks>Read are links and single backticked spans outside code blocks. A span is
/// a path, if it begins with a folder of the root, <c>./</c> or <c>../</c>, or is a file name of a kind only this repository has;
/// a type, if it is a PascalCase word, perhaps with members after dots, that is not in the list of foreign names;
/// a verb, if it begins with <c>./fleet</c>. Anything else (URLs, headers, metrics, options) is not judged.</remarks>
internal sealed partial class Documentation(string page, string text)
{
    /// <summary>Names of other people's code and protocols that pages may use.</summary>
    private static readonly HashSet<string> Foreign =
    [
        "Authorization", "MeterListener", "TimeProvider", "HttpClient", "HttpMessageInvoker", "SocketsHttpHandler", "IHttpForwarder",
        "IAsyncEnumerable", "ForwarderError", "InstrumentAdvice", "System", "Microsoft", "Yarp", "OpenAI", "YamlDotNet", "Npgsql", "Orleans",
        "PrunePackageReference", "TreatWarningsAsErrors", "InternalsVisibleTo", "Task", "ValueTask", "DateTime", "Random", "Guid", "Stopwatch",
        "PriorityQueue", "HashCode", "ImmutableHashSet", "ImmutableDictionary", "SortedSet", "GetHashCode", "Channel", "Utf8JsonReader",
        "ArrayPool", "MemoryStream", "InferencePool", "KubernetesClient", "NetMQ", "MessagePack", "Bearer", "By", "KiB", "MiB", "GiB",
    ];

    private static readonly string[] OwnFolders = ["src", "loadgen", "tests", "docs", "deploy", "helm", ".ci"];

    /// <summary>Every page that describes the repository.</summary>
    public static IReadOnlyList<string> Pages { get; } =
        ["README.md", .. Checkout.Files.Where(file => file.StartsWith("docs/", StringComparison.Ordinal) && file.EndsWith(".md", StringComparison.Ordinal))];

    /// <summary>One line for each name without a thing.</summary>
    public IEnumerable<string> Missing()
    {
        string prose = CodeBlock().Replace(text, "");
        foreach (Match link in Link().Matches(prose))
            if (!Leads(link.Groups[1].Value)) yield return $"{page}: the link to {link.Groups[1].Value} leads nowhere";
        foreach (Match span in Span().Matches(prose))
            if (Trouble(span.Groups[1].Value.Trim()) is { } trouble) yield return $"{page}: `{span.Groups[1].Value}`: {trouble}";
        foreach (Match command in FleetVerb().Matches(text))
            if (!Verbs.Contains(command.Groups[1].Value)) yield return $"{page}: ./fleet {command.Groups[1].Value}: the script has no such verb";
    }

    private static HashSet<string> Verbs { get; } =
        [.. VerbCase().Matches(Checkout.Text("fleet")).SelectMany(match => match.Groups[1].Value.Split('|')).Select(verb => verb.Trim())];

    private bool Leads(string target)
    {
        if (target.Contains("://") || target.StartsWith("mailto:", StringComparison.Ordinal)) return true;
        var (path, anchor) = target.Split('#') is [var before, var after] ? (before, after) : (target, "");
        string file = path.Length == 0 ? page : Normal(Path.Combine(Path.GetDirectoryName(page) ?? "", path));
        if (path.Length > 0 && !Checkout.Exists(file)) return false;
        return anchor.Length == 0 || Headings(path.Length == 0 ? text : Checkout.Text(file)).Contains(anchor);
    }

    private static string? Trouble(string span)
    {
        string first = span.Split(' ')[0];
        if (first.StartsWith("./", StringComparison.Ordinal) || first.StartsWith("../", StringComparison.Ordinal) || OwnFolders.Contains(first.Split('/')[0]) && first.Contains('/'))
            return PathExists(first) ? null : "no such file or folder";
        if (OwnFile().IsMatch(span))
            return Checkout.Files.Any(file => Path.GetFileName(file) == span) ? null : "no such file";
        if (!TypeName().IsMatch(span)) return null;
        string[] parts = Generic().Replace(span, "").Split('(')[0].Split('.');
        if (parts[0] == "FleetRouter") return Project.All.Any(project => span.StartsWith(project.Name, StringComparison.Ordinal)) || span == "FleetRouter" ? null : "no such project";
        if (Foreign.Contains(parts[0])) return null;
        if (!Checkout.Types.Contains(parts[0])) return "no such type (a name of someone else's goes in the list of foreign names)";
        return parts.Length == 1 || Checkout.Types[parts[0]].Any(file => Regex.IsMatch(Checkout.Text(file), $@"\b{parts[1]}\b")) ? null : $"{parts[0]} has no {parts[1]}";
    }

    private static bool PathExists(string path)
    {
        string normal = Normal(path.Split('#')[0].TrimEnd('/', ',', '.', ':'));
        if (normal.StartsWith("../", StringComparison.Ordinal)) // beside the repository: there on some machines only
            return !Checkout.Exists(string.Join('/', normal.Split('/').Take(2))) || Checkout.Exists(normal);
        if (!normal.Contains('*') && !normal.Contains('<') && !normal.Contains('{')) return Checkout.Exists(normal);
        var pattern = new Regex("^" + Regex.Escape(normal).Replace("\\*\\*/", "(?:.*/)?").Replace("\\*", "[^/]*") + "$");
        return Checkout.Files.Any(file => pattern.IsMatch(file));
    }

    // "./a/../b" as "b"; leading ".." stays.
    private static string Normal(string path)
    {
        var parts = new List<string>();
        foreach (string part in path.Split('/', '\\'))
        {
            if (part is "" or ".") continue;
            if (part == ".." && parts.Count > 0 && parts[^1] != "..") parts.RemoveAt(parts.Count - 1);
            else parts.Add(part);
        }
        return string.Join('/', parts);
    }

    // GitHub's anchors: lower case, punctuation dropped, blanks to dashes.
    private static HashSet<string> Headings(string markdown) =>
        [.. Heading().Matches(CodeBlock().Replace(markdown, "")).Select(match =>
            Regex.Replace(match.Groups[1].Value.Trim().ToLowerInvariant(), @"[^\w\- ]", "").Replace(' ', '-'))];

    [GeneratedRegex(@"^[ \t]*```[\s\S]*?^[ \t]*```[ \t]*$", RegexOptions.Multiline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"\]\(([^)\s]+)(?:\s+""[^""]*"")?\)")]
    private static partial Regex Link();

    [GeneratedRegex("(?<!`)`([^`\\n]+)`(?!`)")]
    private static partial Regex Span();

    [GeneratedRegex(@"^#{1,6}\s+(.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"^[\w.-]+\.(?:cs|csproj|sln|md|props|targets|txt)$")]
    private static partial Regex OwnFile();

    [GeneratedRegex(@"^[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*(?:<[\w, <>?\[\]]+>)?(?:\.[A-Za-z]\w*)*(?:\([^)]*\))?$")]
    private static partial Regex TypeName();

    [GeneratedRegex(@"<[^(]*>")]
    private static partial Regex Generic();

    [GeneratedRegex(@"\./fleet[ ]+([a-z][a-z-]*)")]
    private static partial Regex FleetVerb();

    [GeneratedRegex(@"^[ \t]+([a-z|-]+)\)", RegexOptions.Multiline)]
    private static partial Regex VerbCase();
}
