using System.Text;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Gateway.Tests.Engines;

namespace FleetRouter.Gateway.Tests.Configuration;

public sealed class ConfigurationReferenceTests
{
    [Fact]
    public void The_reference_in_docs_is_current()
    {
        string file = Path.Combine(CheckoutFolder.Root, "docs", "configuration.md");
        string written = File.Exists(file) ? File.ReadAllText(file) : "";
        string current = ConfigurationReference.Write(ConfigurationReaderTests.Policies);
        Assert.True(written == current, $"docs/configuration.md is not what the table of options says; run `./fleet docs` to write it again. First difference: {FirstDifference(written, current)}");
    }

    [Fact]
    public void The_example_is_valid_and_names_every_option()
    {
        string page = ConfigurationReference.Write(ConfigurationReaderTests.Policies);
        string yaml = page.Split("```yaml\n")[1].Split("```")[0];
        var reading = new ConfigurationReader(ConfigurationReaderTests.Policies).Read("docs/configuration.md", Encoding.UTF8.GetBytes(yaml));
        Assert.Empty(reading.Problems.Select(problem => problem.ToString()));
        var options = new OptionTable(ConfigurationReaderTests.Policies).Options.SelectMany(option => option.Describe("", OptionTable.Defaults));
        foreach (var option in options)
            Assert.Contains($"{option.Path.Split('.')[^1].Replace("[]", "")}:", yaml);
    }

    [Fact]
    public void Every_option_says_its_type_its_range_and_why()
    {
        var options = new OptionTable(ConfigurationReaderTests.Policies).Options.SelectMany(option => option.Describe("", OptionTable.Defaults)).ToList();
        Assert.True(options.Count > 30);
        Assert.All(options, option =>
        {
            Assert.True(option.Why.EndsWith('.') && option.Why.Length > 20, option.Path);
            Assert.True(option.Range.Length > 0 || option.Type is "list" or "section", option.Path);
        });
    }

    /// <summary>A default outside its own range could not be written down by a user who wants it.</summary>
    [Fact]
    public void Every_default_can_be_written_in_the_file()
    {
        var options = new OptionTable(ConfigurationReaderTests.Policies).Options.SelectMany(option => option.Describe("", OptionTable.Defaults))
            .Where(option => option.Default is not ("none" or "required")).ToList();
        foreach (var option in options)
        {
            string[] names = option.Path.Replace("pools[].", "").Replace("tenants[].", "").Split('.');
            string line = string.Concat(names.Select((name, depth) => new string(' ', depth * 2) + name + ":" + (depth == names.Length - 1 ? $" {option.Default}" : "") + "\n"));
            string yaml = option.Path.StartsWith("pools[].dns.", StringComparison.Ordinal)
                ? "pools:\n- name: p\n  " + line.Replace("dns:\n", "dns:\n    name: x.example\n").Replace("\n  ", "\n    ").Replace("      name", "    name")
                : option.Path.StartsWith("pools[].", StringComparison.Ordinal)
                    ? "pools:\n- name: p\n  instances: [{url: http://e:1}]\n" + string.Concat(line.Split('\n').Select(l => "  " + l + "\n"))
                    : option.Path.StartsWith("tenants[].", StringComparison.Ordinal)
                    ? $"pools: [{{name: p, instances: [{{url: http://e:1}}]}}]\ntenants:\n- name: t\n  tokens: 1\n  apiKeys: [{{name: k, sha256: {new string('a', 64)}}}]\n  " + line
                    : "pools: [{name: p, instances: [{url: http://e:1}]}]\n" + line;
            var reading = new ConfigurationReader(ConfigurationReaderTests.Policies).Read("f.yaml", Encoding.UTF8.GetBytes(yaml));
            Assert.True(reading.Options is not null, $"{option.Path}: {string.Join("\n", reading.Problems)}\n{yaml}");
        }
    }

    private static string FirstDifference(string a, string b)
    {
        int at = a.Zip(b).TakeWhile(pair => pair.First == pair.Second).Count();
        return at < b.Length ? $"'{b[at..Math.Min(b.Length, at + 60)]}'" : "text beyond the end";
    }
}
