namespace FleetRouter.Gateway.Configuration;

/// <summary>A type of value: how it is written, read, bounded and shown.</summary>
/// <param name="Type">The type's name in messages and in the reference.</param>
/// <param name="Range">What is allowed, for the reference and for remedies.</param>
/// <param name="Parse">Reads a text; a problem in place of a value where it is wrong.</param>
/// <param name="Format">Writes a value as a user would.</param>
internal sealed record ValueKind<T>(string Type, string Range, Func<string, Parsed<T>> Parse, Func<T, string> Format)
{
    /// <summary>Whether a quoted text is wrong here: a number in quotes is no number.</summary>
    public bool Unquoted { get; init; }
}

/// <summary>A value read, or what is wrong with its text and what to do.</summary>
internal readonly record struct Parsed<T>(T Value, string? What = null, string? Remedy = null)
{
    public static Parsed<T> Wrong(string what, string remedy) => new(default!, what, remedy);
}
