using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;

namespace FleetRouter.Gateway.Configuration;

/// <summary>Names, addresses, keys and choices.</summary>
internal static partial class TextKinds
{
    private static readonly (string Name, LogLevel Level)[] LogLevels =
    [
        ("trace", LogLevel.Trace), ("debug", LogLevel.Debug), ("information", LogLevel.Information),
        ("warning", LogLevel.Warning), ("error", LogLevel.Error), ("critical", LogLevel.Critical),
    ];

    /// <summary>A name that stands in metrics, logs and URLs.</summary>
    public static ValueKind<string> Name { get; } = Text("name", "1 to 63 of a-z, A-Z, 0-9, '-', '_', '.'",
        text => NamePattern().IsMatch(text), echo: true);

    /// <summary>An environment variable's name.</summary>
    public static ValueKind<string> EnvironmentVariable { get; } = Text("environment variable", "letters, digits and '_', no digit first",
        text => VariablePattern().IsMatch(text), echo: false); // a key pasted here by mistake must not reach a log

    /// <summary>A SHA-256 digest. What is written in its place may be a key, so it is never shown back.</summary>
    public static ValueKind<string> Sha256 { get; } = new("SHA-256", "64 hexadecimal digits", text => DigestPattern().IsMatch(text)
        ? new Parsed<string>(text.ToLowerInvariant())
        : Parsed<string>.Wrong("no SHA-256 digest", "write the 64 hexadecimal digits that `printf %s KEY | sha256sum` prints"), text => text);

    /// <summary>A folder that may be made.</summary>
    public static ValueKind<string> Folder { get; } = Text("folder", "a path",
        text => text.Length > 0 && text.IndexOfAny(Path.GetInvalidPathChars()) < 0, echo: true);

    /// <summary>Where a secret is. What is written in its place may be the secret, so it is never shown back.</summary>
    public static ValueKind<SecretSource?> Secret { get; } = new("place of a secret", "env:VARIABLE or file:PATH", text =>
        text.StartsWith("env:", StringComparison.Ordinal) && VariablePattern().IsMatch(text[4..]) ? new Parsed<SecretSource?>(new SecretSource(Variable: text[4..], File: null))
        : text.StartsWith("file:", StringComparison.Ordinal) && text.Length > 5 && text.IndexOfAny(Path.GetInvalidPathChars()) < 0 ? new Parsed<SecretSource?>(new SecretSource(Variable: null, File: text[5..]))
        : Parsed<SecretSource?>.Wrong("no place of a secret", "write env:VARIABLE or file:PATH"), source => source?.ToString() ?? "");

    /// <summary>A DNS name.</summary>
    public static ValueKind<string> DnsHost { get; } = Text("DNS name", "a name, not an address",
        text => text.Length <= 253 && Uri.CheckHostName(text) == UriHostNameType.Dns, echo: true);

    /// <summary>One of <paramref name="names"/>.</summary>
    public static ValueKind<string> OneOf(IReadOnlyList<string> names) => new("choice", string.Join(", ", names),
        text => names.Contains(text)
            ? new Parsed<string>(text)
            : Parsed<string>.Wrong($"{Shown.Value(text)} is not known", NearestName.Find(text, names) is { } meant ? $"write {meant}" : $"write one of {string.Join(", ", names)}"),
        text => text);

    /// <summary>Whether something is done.</summary>
    public static ValueKind<bool> Switch { get; } = new("switch", "true, false", text => text is "true" or "false"
        ? new Parsed<bool>(text == "true")
        : Parsed<bool>.Wrong($"{Shown.Value(text)} is neither true nor false", "write true or false"), on => on ? "true" : "false") { Unquoted = true };

    /// <summary>Least severe log level written.</summary>
    public static ValueKind<LogLevel> Level { get; } = LevelKind(OneOf([.. LogLevels.Select(level => level.Name)]));

    /// <summary>Where the gateway listens.</summary>
    public static ValueKind<Uri> ListenAddress { get; } = new("address", "http://ADDRESS:PORT", text =>
    {
        const string Remedy = "write http://ADDRESS:PORT with an IP address, as in http://0.0.0.0:8000";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || !IsBare(uri)) return Parsed<Uri>.Wrong("no address to listen on", Remedy);
        if (uri.Scheme != "http") return Parsed<Uri>.Wrong($"scheme '{uri.Scheme}'", "write http://; TLS ends in front of the router");
        return uri.Host == "localhost" || IPAddress.TryParse(uri.Host, out _) ? new Parsed<Uri>(uri) : Parsed<Uri>.Wrong($"{Shown.Value(uri.Host)} is no IP address", Remedy);
    }, FormatUrl);

    /// <summary>Where other gateways of the cluster reach this one.</summary>
    public static ValueKind<IPEndPoint?> Silo { get; } = new("address", "ADDRESS:PORT", text =>
        IPEndPoint.TryParse(text, out IPEndPoint? at) && at.Port > 0
            ? new Parsed<IPEndPoint?>(at)
            : Parsed<IPEndPoint?>.Wrong($"{Shown.Value(text)} is no address with a port", "write ADDRESS:PORT with an IP address, as in 0.0.0.0:11111"), at => at?.ToString() ?? "");

    /// <summary>Where an engine is: scheme and authority.</summary>
    public static ValueKind<Uri> EngineUrl { get; } = new("URL", "http://HOST:PORT or https://HOST:PORT", text =>
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0 || uri.Port == 0)
            return Parsed<Uri>.Wrong("no URL of an engine", "write http://HOST:PORT");
        return IsBare(uri) ? new Parsed<Uri>(uri) : Parsed<Uri>.Wrong("more than scheme, host and port", $"write {uri.Scheme}://{uri.Authority}");
    }, FormatUrl);

    private static ValueKind<string> Text(string type, string range, Func<string, bool> allowed, bool echo) => new(type, range, text => allowed(text)
        ? new Parsed<string>(text)
        : Parsed<string>.Wrong($"{(echo ? Shown.Value(text) + " is " : "")}no {type}", $"write {range}"), text => text);

    private static ValueKind<LogLevel> LevelKind(ValueKind<string> names) => new(names.Type, names.Range,
        text => names.Parse(text) is { What: { } what, Remedy: var remedy }
            ? Parsed<LogLevel>.Wrong(what, remedy!)
            : new Parsed<LogLevel>(LogLevels.First(level => level.Name == text).Level),
        level => LogLevels.First(known => known.Level == level).Name);

    private static bool IsBare(Uri uri) => uri is { AbsolutePath: "/", Query: "", Fragment: "", UserInfo: "" };

    private static string FormatUrl(Uri uri) => uri.GetLeftPart(UriPartial.Authority);

    [GeneratedRegex(@"^[A-Za-z0-9][-A-Za-z0-9_.]{0,62}\z")]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_]{0,127}\z")]
    private static partial Regex VariablePattern();

    [GeneratedRegex(@"^[0-9a-fA-F]{64}\z")]
    private static partial Regex DigestPattern();
}
