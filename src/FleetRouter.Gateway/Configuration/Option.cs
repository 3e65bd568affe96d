namespace FleetRouter.Gateway.Configuration;

/// <summary>One option of a section: how it is read into a <typeparamref name="T"/>, and its lines in the reference.</summary>
/// <param name="Name">As written in the file.</param>
/// <param name="Why">What it is for and why its default is what it is, in one sentence or two.</param>
internal abstract record Option<T>(string Name, string Why)
{
    /// <summary>Whether a section without it is wrong.</summary>
    public bool Required { get; init; }

    /// <summary>The target with what <paramref name="node"/> says; unchanged where that is wrong.</summary>
    public abstract T Read(T target, YamlTree node, string path, ProblemList problems);

    /// <summary>The option, and those within it, as the reference lists them.</summary>
    /// <param name="outer">Path of the section it stands in.</param>
    /// <param name="defaults">Holds every default.</param>
    public abstract IEnumerable<OptionLine> Describe(string outer, T defaults);
}

/// <summary>One line of the reference.</summary>
internal sealed record OptionLine(string Path, string Type, string Default, string Range, string Why);

/// <summary>An option with one value.</summary>
internal sealed record ValueOption<T, V>(string Name, ValueKind<V> Kind, Func<T, V> Get, Func<T, V, T> Set, string Why) : Option<T>(Name, Why)
{
    /// <summary>What the reference shows where the default is no value at all.</summary>
    public string? DefaultText { get; init; }

    public override T Read(T target, YamlTree node, string path, ProblemList problems)
    {
        if (node is YamlUnreadable) return target;
        if (node is not YamlValue value)
        {
            problems.Add(node, path, $"{(node is YamlList ? "a list" : "a block")} where a {Kind.Type} belongs", $"write {Kind.Range}");
            return target;
        }
        if (value.IsNull)
        {
            problems.Add(node, path, "no value", $"write {Kind.Range}, or remove the line");
            return target;
        }
        if (value.Quoted && Kind.Unquoted)
        {
            problems.Add(node, path, $"a quoted text where a {Kind.Type} belongs", "remove the quotes");
            return target;
        }
        var parsed = Kind.Parse(value.Text);
        if (parsed.What is null) return Set(target, parsed.Value);
        problems.Add(node, path, parsed.What, parsed.Remedy!);
        return target;
    }

    public override IEnumerable<OptionLine> Describe(string outer, T defaults) =>
        [new OptionLine(OptionPath.Join(outer, Name), Kind.Type, Required ? "required" : DefaultText ?? Kind.Format(Get(defaults)), Kind.Range, Why)];
}

/// <summary>Options under one name that belong to the section around it.</summary>
internal sealed record GroupOption<T>(string Name, IReadOnlyList<Option<T>> Options) : Option<T>(Name, "")
{
    public override T Read(T target, YamlTree node, string path, ProblemList problems) => Section.Read(target, Options, node, path, problems);

    public override IEnumerable<OptionLine> Describe(string outer, T defaults) =>
        Options.SelectMany(option => option.Describe(OptionPath.Join(outer, Name), defaults));
}

/// <summary>A section of its own that may be left out.</summary>
internal sealed record SectionOption<T, E>(string Name, IReadOnlyList<Option<E>> Options, E Defaults, Func<T, E, T> Set, string Why) : Option<T>(Name, Why)
{
    public override T Read(T target, YamlTree node, string path, ProblemList problems) =>
        Set(target, Section.Read(Defaults, Options, node, path, problems));

    public override IEnumerable<OptionLine> Describe(string outer, T defaults) =>
        [new OptionLine(OptionPath.Join(outer, Name), "section", "none", "", Why),
            .. Options.SelectMany(option => option.Describe(OptionPath.Join(outer, Name), Defaults))];
}

/// <summary>A list of sections.</summary>
internal sealed record ListOption<T, E>(string Name, IReadOnlyList<Option<E>> Options, E Defaults, Func<T, IReadOnlyList<E>, T> Set, string Why) : Option<T>(Name, Why)
{
    public override T Read(T target, YamlTree node, string path, ProblemList problems)
    {
        if (node is YamlUnreadable) return target;
        if (node is YamlList list)
            return Set(target, [.. list.Items.Select((item, index) => Section.Read(Defaults, Options, item, $"{path}[{index}]", problems))]);
        problems.Add(node, path, node is YamlValue { IsNull: true } ? "no value" : "no list", "begin each entry on its own line with '- '");
        return target;
    }

    public override IEnumerable<OptionLine> Describe(string outer, T defaults) =>
        [new OptionLine(OptionPath.Join(outer, Name), "list", Required ? "required" : "none", "", Why),
            .. Options.SelectMany(option => option.Describe(OptionPath.Join(outer, Name) + "[]", Defaults))];
}

/// <summary>Reads a block of options.</summary>
internal static class Section
{
    public static T Read<T>(T target, IReadOnlyList<Option<T>> options, YamlTree node, string path, ProblemList problems)
    {
        if (node is YamlUnreadable) return target;
        if (node is not YamlBlock block)
        {
            string what = node is YamlValue { IsNull: true } ? "no value" : node is YamlList ? "a list where a block of options belongs" : "a value where a block of options belongs";
            problems.Add(node, path, what, $"write options under it ({string.Join(", ", options.Select(option => option.Name))}), or remove it");
            return target;
        }
        foreach (var (name, content) in block.Entries)
        {
            string inner = OptionPath.Join(path, name.Text);
            if (options.FirstOrDefault(option => option.Name == name.Text) is { } known) target = known.Read(target, content, inner, problems);
            else problems.Add(name, inner, "no such option", NearestName.Find(name.Text, options.Select(option => option.Name)) is { } meant
                ? $"write {meant}"
                : $"known here: {string.Join(", ", options.Select(option => option.Name))}");
        }
        foreach (var missing in options.Where(option => option.Required && block[option.Name] is null))
            problems.Add(block, OptionPath.Join(path, missing.Name), "missing", "add it");
        return target;
    }
}
