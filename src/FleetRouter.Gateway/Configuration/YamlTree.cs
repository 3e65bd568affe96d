namespace FleetRouter.Gateway.Configuration;

/// <summary>A node of a configuration file and where it begins.</summary>
internal abstract record YamlTree(long Line, long Column);

/// <summary>A value.</summary>
/// <param name="Text">As written, quotes and escapes resolved.</param>
/// <param name="Quoted">A quoted value is text even where it looks like nothing.</param>
internal sealed record YamlValue(long Line, long Column, string Text, bool Quoted) : YamlTree(Line, Column)
{
    /// <summary>YAML's four spellings of "no value".</summary>
    public bool IsNull => !Quoted && Text is "" or "~" or "null" or "Null" or "NULL";
}

/// <summary>A list.</summary>
internal sealed record YamlList(long Line, long Column, IReadOnlyList<YamlTree> Items) : YamlTree(Line, Column);

/// <summary>A block of named values, each name once.</summary>
internal sealed record YamlBlock(long Line, long Column, IReadOnlyList<YamlEntry> Entries) : YamlTree(Line, Column)
{
    public YamlTree? this[string name] => Entries.FirstOrDefault(entry => entry.Name.Text == name)?.Content;
}

/// <summary>A name in a block and what it names.</summary>
internal sealed record YamlEntry(YamlValue Name, YamlTree Content);
