using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace FleetRouter.Gateway.Configuration;

/// <summary>Turns YAML into a tree that knows where everything stands, from YamlDotNet's events. Takes the plain part of
/// YAML only: one document, no anchors, aliases or tags, no name twice in a block.</summary>
internal sealed class YamlTreeReader
{
    private const int MaxDepth = 16; // the deepest option stands at 4

    private readonly ProblemList _problems;
    private readonly Parser _events;

    private YamlTreeReader(string text, ProblemList problems)
    {
        _problems = problems;
        _events = new Parser(new Scanner(new StringReader(text), skipComments: true));
    }

    /// <summary>The tree, or null if the text is no YAML or holds nothing; problems are added to <paramref name="problems"/>.</summary>
    public static YamlTree? Read(string text, ProblemList problems)
    {
        try
        {
            return new YamlTreeReader(text, problems).ReadDocument();
        }
        catch (YamlException broken)
        {
            // The parser stumbles over a tab far from where it stands, and never names it.
            if (FirstTabThatIndents(text) is (var line, var column)) problems.Add(line, column, "", "a tab indents this line", "indent with spaces");
            else problems.Add(broken.Start, "", $"not YAML: {FirstSentence(broken.Message)}", "check indentation, colons and quotes near here");
            return null;
        }
    }

    private YamlTree? ReadDocument()
    {
        MoveNext(); // start of the stream
        MoveNext();
        if (Current is not DocumentStart) return null;
        MoveNext();
        var tree = ReadNode("", 0);
        MoveNext(); // end of the document
        if (MoveNext() && Current is DocumentStart second)
            _problems.Add(second.Start, "", "a second YAML document begins here", "keep one document in the file");
        return tree;
    }

    private ParsingEvent? Current => _events.Current;

    // On some damaged input the scanner fails in its own ways; to a user that is one more syntax error.
    private bool MoveNext()
    {
        var at = Current?.End ?? Mark.Empty;
        try
        {
            return _events.MoveNext();
        }
        catch (Exception crash) when (crash is not YamlException)
        {
            throw new YamlException(at, at, "it cannot be followed from here on", crash);
        }
    }

    // Reads the node that begins at the current event and leaves its last event current.
    private YamlTree ReadNode(string path, int depth)
    {
        var start = Current!;
        if (depth > MaxDepth) throw new YamlException(start.Start, start.End, "nested too deep.");
        if (start is AnchorAlias alias)
        {
            _problems.Add(alias.Start, path, $"an alias, *{alias.Value}", "write the value itself");
            return new YamlUnreadable(alias.Start.Line, alias.Start.Column);
        }
        // On some damaged input the parser ends a block where a value is due.
        if (start is not NodeEvent node) throw new YamlException(start.Start, start.End, "a value is missing.");
        if (!node.Anchor.IsEmpty) _problems.Add(node.Start, path, $"an anchor, &{node.Anchor.Value}", "remove it");
        if (!node.Tag.IsEmpty) _problems.Add(node.Start, path, $"a tag, {node.Tag}", "remove it");
        return node switch
        {
            Scalar scalar => Value(scalar),
            SequenceStart list => new YamlList(list.Start.Line, list.Start.Column, ReadItems(path, depth)),
            _ => new YamlBlock(node.Start.Line, node.Start.Column, ReadEntries(path, depth)),
        };
    }

    private List<YamlTree> ReadItems(string path, int depth)
    {
        var items = new List<YamlTree>();
        while (MoveNext() && Current is not SequenceEnd)
            items.Add(ReadNode($"{path}[{items.Count}]", depth + 1));
        return items;
    }

    private List<YamlEntry> ReadEntries(string path, int depth)
    {
        var entries = new Dictionary<string, YamlEntry>(StringComparer.Ordinal);
        var inOrder = new List<YamlEntry>();
        while (MoveNext() && Current is not MappingEnd)
        {
            var name = ReadNode(path, depth + 1) as YamlValue;
            if (name is null) _problems.Add(Current!.Start, path, "a list or block where a name should be", "write NAME: VALUE");
            string inner = name is null ? path : OptionPath.Join(path, name.Text);
            MoveNext();
            var content = ReadNode(inner, depth + 1);
            if (name is null) continue;
            var entry = new YamlEntry(name, content);
            if (entries.TryAdd(name.Text, entry)) inOrder.Add(entry);
            else _problems.Add(name, inner, $"given twice, first in line {entries[name.Text].Name.Line}", "keep one of the two");
        }
        return inOrder;
    }

    private static YamlValue Value(Scalar scalar) =>
        new(scalar.Start.Line, scalar.Start.Column, scalar.Value, scalar.Style is ScalarStyle.SingleQuoted or ScalarStyle.DoubleQuoted);

    private static (long Line, long Column)? FirstTabThatIndents(string text)
    {
        long number = 0;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            number++;
            int tab = line[..^line.TrimStart().Length].IndexOf('\t');
            if (tab >= 0) return (number, tab + 1);
        }
        return null;
    }

    // YamlDotNet ends some messages with a period and repeats positions in others.
    private static string FirstSentence(string message)
    {
        var line = new StringBuilder(message.ReplaceLineEndings(" ").Trim().TrimEnd('.'));
        if (line.Length > 0) line[0] = char.ToLowerInvariant(line[0]);
        return line.Length <= 200 ? line.ToString() : line.ToString(0, 200) + "…";
    }
}

/// <summary>Stands where something was written that is already reported.</summary>
internal sealed record YamlUnreadable(long Line, long Column) : YamlTree(Line, Column);
