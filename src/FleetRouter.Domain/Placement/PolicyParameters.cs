using System.Globalization;

namespace FleetRouter.Domain.Placement;

/// <summary>A policy's name and parameters, as in <c>llm-d:prefix=3,queue=2</c>.</summary>
internal sealed class PolicyParameters
{
    private readonly string _policy;
    private readonly SortedDictionary<string, string> _given = new(StringComparer.Ordinal);
    private readonly List<string> _known = [];

    /// <exception cref="ArgumentException">A parameter is not NAME=VALUE, or is given twice.</exception>
    public PolicyParameters(string policy)
    {
        _policy = policy;
        int colon = policy.IndexOf(':', StringComparison.Ordinal);
        Name = colon < 0 ? policy : policy[..colon];
        foreach (string parameter in colon < 0 ? [] : policy[(colon + 1)..].Split(','))
        {
            int equals = parameter.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw Wrong($"'{parameter}' is no parameter; write NAME=VALUE");
            if (!_given.TryAdd(parameter[..equals], parameter[(equals + 1)..]))
                throw Wrong($"{parameter[..equals]} is given twice; keep one of the two");
        }
    }

    /// <summary>What stands before the colon.</summary>
    public string Name { get; }

    /// <summary>A parameter's value, between <paramref name="least"/> and <paramref name="most"/>.</summary>
    /// <exception cref="ArgumentException">The value is no number or out of range.</exception>
    public double Number(string name, double byDefault, double least, double most)
    {
        _known.Add(name);
        if (!_given.Remove(name, out string? text))
            return byDefault;
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value))
            throw Wrong($"{name} '{text}' is no number; write one, as in {name}={Text(byDefault)}");
        return value >= least && value <= most ? value : throw Wrong($"{name} {text} is out of range; write {Text(least)} to {Text(most)}");
    }

    /// <summary>A whole number, as <see cref="Number"/>.</summary>
    /// <exception cref="ArgumentException">The value is no whole number or out of range.</exception>
    public int Count(string name, int byDefault, int least, int most)
    {
        double value = Number(name, byDefault, least, most);
        return value == Math.Floor(value) ? (int)value : throw Wrong($"{name} {Text(value)} is no whole number; write {least} to {most}");
    }

    /// <summary>A switch, 0 or 1.</summary>
    /// <exception cref="ArgumentException">The value is neither.</exception>
    public bool Switch(string name, bool byDefault) => Count(name, byDefault ? 1 : 0, 0, 1) == 1;

    /// <summary>To be called when all parameters were asked for.</summary>
    /// <exception cref="ArgumentException">One was given that nobody asked for.</exception>
    public void RefuseOthers()
    {
        if (_given.Count > 0)
            throw Wrong($"{_given.Keys.First()} is no parameter of {Name}; {(_known.Count == 0 ? "it has none" : $"known: {string.Join(", ", _known)}")}");
    }

    private ArgumentException Wrong(string what) => new($"placement policy '{_policy}': {what}");

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
