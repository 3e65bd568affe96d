using System.Security.Cryptography;
using System.Text;

namespace FleetRouter.Gateway.Configuration;

/// <summary>Reads the configuration file: options, or every mistake in it at once.</summary>
/// <param name="policies">Names of the placement policies.</param>
/// <param name="environment">Tells a variable's value, so that one the file names and nobody set is found before anything
/// starts; null where a file is checked away from the machine it is for.</param>
internal sealed class ConfigurationReader(IReadOnlyList<string> policies, Func<string, string?>? environment = null)
{
    private const int MaxBytes = 1 << 20; // a thousand pools of ten instances

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly OptionTable _table = new(policies);

    /// <summary>Reads a file; trouble with the file itself is a problem like any other.</summary>
    public ConfigurationReading ReadFile(string path)
    {
        try
        {
            if (Directory.Exists(path)) return Unreadable(path, "a folder", "give the path of a YAML file");
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            byte[] bytes = new byte[MaxBytes + 1];
            int length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return length > MaxBytes
                ? Unreadable(path, $"larger than {MaxBytes >> 20} MiB", "give the path of a configuration file")
                : Read(path, bytes.AsSpan(0, length));
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return Unreadable(path, "no such file", "give the path of a YAML file");
        }
        catch (Exception trouble) when (trouble is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return Unreadable(path, $"cannot be read ({trouble.Message.ReplaceLineEndings(" ")})", "give the path of a YAML file that this user may read");
        }
    }

    /// <summary>Reads a file's bytes.</summary>
    /// <param name="path">The name that problems give.</param>
    /// <param name="content">YAML in UTF-8.</param>
    public ConfigurationReading Read(string path, ReadOnlySpan<byte> content)
    {
        var problems = new ProblemList(path);
        var options = ReadOptions(content, problems);
        return new ConfigurationReading(problems.Any ? null : options, problems.InFileOrder(), Convert.ToHexString(SHA256.HashData(content)));
    }

    private GatewayOptions ReadOptions(ReadOnlySpan<byte> content, ProblemList problems)
    {
        string text;
        try
        {
            text = StrictUtf8.GetString(content).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException)
        {
            problems.Add(0, 0, "", "not UTF-8 text", "save it as UTF-8");
            return OptionTable.Defaults;
        }
        var tree = YamlTreeReader.Read(text, problems);
        if (tree is null or YamlValue { IsNull: true })
        {
            if (!problems.Any) problems.Add(0, 0, "", "the file is empty", "add at least one pool; docs/configuration.md has an example");
            return OptionTable.Defaults;
        }
        var options = Section.Read(OptionTable.Defaults, _table.Options, tree, "", problems);
        if (tree is YamlBlock file) new CrossChecks(file, problems).Run(environment);
        return options;
    }

    private static ConfigurationReading Unreadable(string path, string what, string remedy) =>
        new(null, [new ConfigurationProblem(path, 0, 0, "", what, remedy)], "");
}
