using YamlDotNet.Core;

namespace FleetRouter.Gateway.Configuration;

/// <summary>Gathers every problem of one file.</summary>
internal sealed class ProblemList(string file)
{
    private const int MaxProblems = 100; // a file of another kind should not fill the screen

    private readonly List<ConfigurationProblem> _problems = [];

    public bool Any => _problems.Count > 0;

    public void Add(YamlTree where, string path, string what, string remedy) => Add(where.Line, where.Column, path, what, remedy);

    public void Add(Mark where, string path, string what, string remedy) => Add(where.Line, where.Column, path, what, remedy);

    public void Add(long line, long column, string path, string what, string remedy) =>
        _problems.Add(new ConfigurationProblem(file, line, column, Printable(path), Printable(what), remedy));

    /// <summary>The problems in file order.</summary>
    public IReadOnlyList<ConfigurationProblem> InFileOrder() =>
        [.. _problems.OrderBy(problem => problem.Line).ThenBy(problem => problem.Column).Take(MaxProblems)];

    // What a file holds may be anything; a problem stays one line on a terminal.
    private static string Printable(string text) =>
        text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '?' : c)) : text;
}

/// <summary>Names an option within its file.</summary>
internal static class OptionPath
{
    public static string Join(string outer, string name) => outer.Length == 0 ? name : $"{outer}.{name}";
}
