using System.Text;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Tests;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Gateway.Tests.Engines;
using FleetRouter.Hosting;
using Microsoft.Extensions.Logging;

namespace FleetRouter.Gateway.Tests.Configuration;

public sealed class ConfigurationReaderTests
{
    internal static readonly IReadOnlyList<string> Policies = PlacementPolicies.Names;

    private const string Pool = "pools:\n- name: p\n  instances:\n  - url: http://e:1\n";
    private const string Digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Fact]
    public void The_smallest_file_gives_every_default()
    {
        var options = Valid(Pool);
        var pool = Assert.Single(options.Pools);
        Assert.Equal(new GatewayOptions { Pools = options.Pools }, options);
        Assert.Equal(new PoolOptions { Name = "p" }, pool.Options);
        Assert.Equal(new ProbeOptions(), pool.Probe);
        Assert.Equal("http://e:1/", Assert.Single(pool.Instances).Url.ToString());
        Assert.Null(pool.Dns);
        Assert.Null(pool.EngineApiKeyEnv);
    }

    [Fact]
    public void Every_option_arrives_where_it_belongs()
    {
        var options = Valid("""
            listen: http://0.0.0.0:9000
            admin: { listen: "http://[::1]:0" }
            apiKeys:
              - { name: a, sha256: 2C70E12B7A0646F92279F427C7B38E7334D8E5389CFF167A1DC30E73F826B683 }
            limits: { body: 2MiB }
            upstream: { connectTimeout: 250ms, activityTimeout: 1.5h }
            log: { level: warning }
            pools:
              - name: p
                policy: least-load
                dns: { name: engines.example, port: 81, scheme: https, interval: 1m }
                engineApiKeyEnv: ENGINE_KEY
                ttftSlo: 700ms
                prefillTokensPerSecond: 1234.5
                kvCapacityTokens: 5000
                maxRequestsPerInstance: 7
                maxAttempts: 2
                hold: { max: 0, time: 0s }
                sessions: { max: 3, idleTime: 7d }
                suspectAfterFailedProbes: 9
                probe: { interval: 50ms, timeout: 1m, maxBackoff: 10m }
            """);
        Assert.Equal("http://0.0.0.0:9000/", options.Listen.ToString());
        Assert.Equal("http://[::1]:0/", options.AdminListen.ToString());
        Assert.Equal([new ApiKey { Name = "a", Sha256 = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683" }], options.ApiKeys);
        Assert.Equal(2L << 20, options.MaxBodyBytes);
        Assert.Equal(new UpstreamOptions { ConnectTimeout = TimeSpan.FromMilliseconds(250), ActivityTimeout = TimeSpan.FromMinutes(90) }, options.Upstream);
        Assert.Equal(LogLevel.Warning, options.LogLevel);
        var pool = Assert.Single(options.Pools);
        Assert.Equal(new PoolOptions
        {
            Name = "p", Policy = "least-load", TtftSlo = TimeSpan.FromMilliseconds(700), PrefillTokensPerSecond = 1234.5, KvCapacityTokens = 5000,
            MaxRequestsPerInstance = 7, MaxAttempts = 2, MaxHeld = 0, MaxHoldTime = TimeSpan.Zero, MaxSessions = 3,
            SessionIdleTime = TimeSpan.FromDays(7), SuspectAfterFailedProbes = 9,
        }, pool.Options);
        Assert.Equal(new ProbeOptions { Interval = TimeSpan.FromMilliseconds(50), Timeout = TimeSpan.FromMinutes(1), MaxBackoff = TimeSpan.FromMinutes(10) }, pool.Probe);
        Assert.Equal(new FleetRouter.Engines.Discovery.DnsName("engines.example", 81, "https", TimeSpan.FromMinutes(1)), pool.Dns);
        Assert.Equal("ENGINE_KEY", pool.EngineApiKeyEnv);
        Assert.Empty(pool.Instances);
    }

    [Fact]
    public void Every_mistake_is_told_at_once_with_its_place_and_a_remedy()
    {
        var reading = Read("""
            listen: http://gateway:8000
            apiKey: []
            limits:
              body: 64MB
            upstream:
              connectTimeout: 5
              connectTimeout: 6s
            log: { level: warn }
            pools:
              - name: a
                policy: dualhash
                maxAttempts: 99
                maxRequestsPerInstance: "5"
                hold:
                  time: 2h
                instances:
                  - url: http://e:1/v1
                  - url: http://e:2
              - name: a
                kvCapacityTokens: 400_000
                instances:
                  - url: http://E:2/
                dns: { name: x.example, port: 0 }
              - policy: [round-robin]
            """);
        Assert.Null(reading.Options);
        Assert.Equal([
            "f.yaml:1:9: listen: 'gateway' is no IP address; write http://ADDRESS:PORT with an IP address, as in http://0.0.0.0:8000",
            "f.yaml:2:1: apiKey: no such option; write apiKeys",
            "f.yaml:4:9: limits.body: '64MB' has no unit known here; write 64MiB",
            "f.yaml:6:19: upstream.connectTimeout: '5' has no unit; write 5s",
            "f.yaml:7:3: upstream.connectTimeout: given twice, first in line 6; keep one of the two",
            "f.yaml:8:15: log.level: 'warn' is not known; write one of trace, debug, information, warning, error, critical",
            "f.yaml:11:13: pools[0].policy: 'dualhash' is not known; write dual-hash",
            "f.yaml:12:18: pools[0].maxAttempts: '99' is out of range; write 1 to 16",
            "f.yaml:13:29: pools[0].maxRequestsPerInstance: a quoted text where a whole number belongs; remove the quotes",
            "f.yaml:15:13: pools[0].hold.time: '2h' is out of range; write 0s to 1h",
            "f.yaml:17:14: pools[0].instances[0].url: more than scheme, host and port; write http://e:1",
            "f.yaml:19:11: pools[1].name: a pool of this name is in line 10 already; give each pool its own name",
            "f.yaml:20:23: pools[1].kvCapacityTokens: '400_000' is no whole number; write 400000",
            "f.yaml:22:14: pools[1].instances[0].url: the same engine is in line 18 already; name each engine once, in one pool",
            "f.yaml:23:10: pools[1].dns: instances: are given too; keep one of the two",
            "f.yaml:23:35: pools[1].dns.port: '0' is out of range; write 1 to 65535",
            "f.yaml:24:5: pools[2].name: missing; add it",
            "f.yaml:24:5: pools[2]: no engines; add instances: or dns:",
            $"f.yaml:24:13: pools[2].policy: a list where a choice belongs; write {string.Join(", ", Policies)}",
        ], reading.Problems.Select(problem => problem.ToString()));
    }

    [Theory]
    [InlineData("", "f.yaml: the file is empty; add at least one pool; docs/configuration.md has an example")]
    [InlineData("# only a comment\n", "f.yaml: the file is empty; add at least one pool; docs/configuration.md has an example")]
    [InlineData("hello", "f.yaml:1:1: a value where a block of options belongs; write options under it (listen, admin, apiKeys, tenants, limits, upstream, log, journal, responses, database, cluster, pools), or remove it")]
    [InlineData("listen: http://127.0.0.1:1", "f.yaml:1:1: pools: missing; add it")]
    [InlineData("pools: []", "f.yaml:1:8: pools: no pool; add at least one")]
    [InlineData("pools:", "f.yaml:1:7: pools: no value; begin each entry on its own line with '- '")]
    [InlineData("pools:\n- 5", "f.yaml:2:3: pools[0]: a value where a block of options belongs; *")]
    [InlineData(Pool + "database:\n  connectionString: Host=db;Password=hush", "f.yaml:6:21: database.connectionString: no place of a secret; write env:VARIABLE or file:PATH")]
    [InlineData(Pool + "database:\n  connectionString: env:Host=db", "f.yaml:6:21: database.connectionString: no place of a secret; write env:VARIABLE or file:PATH")]
    [InlineData(Pool + "limits:", "f.yaml:5:8: limits: no value; write options under it (body), or remove it")]
    [InlineData(Pool + "log:\n  level: null", "f.yaml:6:10: log.level: no value; write trace, *")]
    [InlineData(Pool + "---\npools: []", "f.yaml:5:1: a second YAML document begins here; keep one document in the file")]
    [InlineData(Pool + "limits: &l\n  body: 1MiB", "f.yaml:5:9: limits: an anchor, &l; remove it")]
    [InlineData(Pool + "limits: *l", "f.yaml:5:9: limits: an alias, \\*l; write the value itself")]
    [InlineData(Pool + "limits:\n  body: !!str 1MiB", "f.yaml:6:9: limits.body: a tag, tag:yaml.org,2002:str; remove it")]
    [InlineData(Pool + "limits:\n\tbody: 1MiB", "f.yaml:6:1: a tab indents this line; indent with spaces")]
    [InlineData(Pool + "limits: {body: 1MiB\n", "f.yaml:6:1: not YAML: *; check indentation, colons and quotes near here")]
    [InlineData(Pool + "log:\n    level: error\n  x: 1", "f.yaml:*: not YAML: *; check indentation, colons and quotes near here")]
    [InlineData(Pool + "[a]: 1", "f.yaml:5:*: a list or block where a name should be; write NAME: VALUE")]
    [InlineData(Pool + "admin:\n  listen: http://0.0.0.0:8000", "f.yaml:6:11: admin.listen: port 8000 is both the clients' and the admin API's; give each its own port")]
    [InlineData(Pool + "listen: https://127.0.0.1:1", "f.yaml:5:9: listen: scheme 'https'; write http://; TLS ends in front of the router")]
    [InlineData(Pool + "  probe: { interval: 20s, maxBackoff: 5s }", "f.yaml:5:39: pools[0].probe.maxBackoff: shorter than probe.interval (20s); write 20s or more")]
    [InlineData(Pool + "  ttftSlo: 5min", "f.yaml:5:12: pools[0].ttftSlo: '5min' has no unit known here; write 5m")]
    [InlineData(Pool + "  ttftSlo: 5 s", "f.yaml:5:12: pools[0].ttftSlo: '5 s' has no unit known here; write 5s")]
    [InlineData(Pool + "  ttftSlo: soon", "f.yaml:5:12: pools[0].ttftSlo: 'soon' is no duration; write a number and a unit (ms, s, m, h or d), 10ms to 10m")]
    [InlineData(Pool + "  ttftSlo: -1s", "f.yaml:5:12: pools[0].ttftSlo: '-1s' is out of range; write 10ms to 10m")]
    [InlineData(Pool + "  ttftSlo: 9999999999999999999999d", "f.yaml:5:12: pools[0].ttftSlo: '9999999999999999999999d' is out of range; write 10ms to 10m")]
    [InlineData(Pool + "  prefillTokensPerSecond: NaN", "f.yaml:5:27: pools[0].prefillTokensPerSecond: 'NaN' is no number; write digits only, 100 to 10000000")]
    [InlineData(Pool + "  ttft_slo: 5s", "f.yaml:5:3: pools[0].ttft_slo: no such option; write ttftSlo")]
    [InlineData(Pool + "  zebra: 5s", "f.yaml:5:3: pools[0].zebra: no such option; known here: name, policy, *")]
    [InlineData(Pool + "tenants:\n- name: t\n  tokens: 5\n  apiKeys: []", "f.yaml:8:12: tenants[0].apiKeys: no key; add at least one")]
    [InlineData(Pool + "tenants:\n- name: t\n  tokens: 0\n  apiKeys: [{name: k, sha256: " + Digest + "}]", "f.yaml:7:11: tenants[0].tokens: '0' is out of range; *")]
    [InlineData(Pool + "tenants:\n- name: t\n  tokens: 5\n  apiKeys: [{name: k, sha256: " + Digest + "}]\n- name: t\n  tokens: 5\n  apiKeys: [{name: l, sha256: abc}]", "f.yaml:9:9: tenants[1].name: a tenant of this name is in line 6 already; give each tenant its own name")]
    [InlineData(Pool + "apiKeys:\n- name: k\n  sha256: " + Digest + "\ntenants:\n- name: t\n  tokens: 5\n  apiKeys: [{name: l, sha256: " + Digest + "}]", "f.yaml:11:31: tenants[0].apiKeys[0].sha256: the same key is in line 7 already; keep one of the two")]
    [InlineData(Pool + "limits:\n  body: 1023B", "f.yaml:6:9: limits.body: '1023B' is out of range; write 1KiB to 1GiB")]
    [InlineData(Pool + "limits:\n  body: 64", "f.yaml:6:9: limits.body: '64' has no unit; write 64MiB")]
    [InlineData("pools:\n- name: a b\n  dns: {name: 10.0.0.1}", "f.yaml:2:9: pools[0].name: 'a b' is no name; write 1 to 63 *")]
    public void A_mistake_is_told_in_one_line(string yaml, string expected)
    {
        string first = Read(yaml).Problems[0].ToString();
        string pattern = "^" + string.Join(".*", expected.Replace("\\*", "\u0001").Split('*').Select(System.Text.RegularExpressions.Regex.Escape)).Replace("\u0001", "\\*") + "$";
        Assert.Matches(pattern, first);
        Assert.DoesNotContain('\n', first);
    }

    [Fact]
    public void A_key_pasted_where_its_hash_belongs_is_never_shown()
    {
        var reading = Read(Pool + "  engineApiKeyEnv: sk-secret-1\napiKeys:\n- name: a\n  sha256: sk-secret-2\n");
        Assert.Equal(2, reading.Problems.Count);
        Assert.DoesNotContain(reading.Problems, problem => problem.ToString().Contains("secret"));
    }

    [Fact]
    public void A_variable_that_is_not_set_is_a_problem_only_where_the_gateway_runs()
    {
        string yaml = Pool + "  engineApiKeyEnv: ENGINE_KEY\n";
        Assert.Empty(Read(yaml).Problems);
        Assert.Empty(new ConfigurationReader(Policies, name => name == "ENGINE_KEY" ? "k" : null).Read("f.yaml", Encoding.UTF8.GetBytes(yaml)).Problems);
        Assert.Equal("f.yaml:5:20: pools[0].engineApiKeyEnv: the environment variable ENGINE_KEY is not set; set it, or remove the line",
            Assert.Single(new ConfigurationReader(Policies, _ => null).Read("f.yaml", Encoding.UTF8.GetBytes(yaml)).Problems).ToString());
    }

    [Fact]
    public void What_is_no_readable_file_is_told_plainly()
    {
        string folder = Directory.CreateTempSubdirectory("fleet-config").FullName;
        try
        {
            var reader = new ConfigurationReader(Policies);
            string missing = Path.Combine(folder, "none.yaml"), large = Path.Combine(folder, "large.yaml"), binary = Path.Combine(folder, "binary.yaml");
            File.WriteAllBytes(large, new byte[(1 << 20) + 1]);
            File.WriteAllBytes(binary, [0xff, 0xfe, 0x00]);
            Assert.Equal($"{folder}: a folder; give the path of a YAML file", reader.ReadFile(folder).Problems.Single().ToString());
            Assert.Equal($"{missing}: no such file; give the path of a YAML file", reader.ReadFile(missing).Problems.Single().ToString());
            Assert.Equal($"{large}: larger than 1 MiB; give the path of a configuration file", reader.ReadFile(large).Problems.Single().ToString());
            Assert.Equal($"{binary}: not UTF-8 text; save it as UTF-8", reader.ReadFile(binary).Problems.Single().ToString());
            Assert.Contains("no such file", reader.ReadFile(Path.Combine(missing, "deeper")).Problems.Single().ToString());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_file_of_another_kind_does_not_fill_the_screen() =>
        Assert.Equal(100, Read(string.Concat(Enumerable.Range(0, 5000).Select(i => $"name{i}: 1\n"))).Problems.Count);

    [Fact]
    public void Deep_nesting_is_refused_and_not_followed()
    {
        Assert.Contains("nested too deep", Read("pools: " + new string('[', 100_000)).Problems.Single().ToString());
        Assert.Contains("nested too deep", Read(Pool + "log: " + string.Concat(Enumerable.Repeat("{a: ", 50)) + new string('}', 50)).Problems.Single().ToString());
    }

    [Fact]
    public void Damaged_files_are_read_or_refused_in_one_line_each()
    {
        const ulong Seed = 99;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {Seed}");
        var random = new SplitMix64(Seed);
        var reader = new ConfigurationReader(Policies, _ => null);
        byte[] whole = Encoding.UTF8.GetBytes(ConfigurationReference.Example);
        int valid = 0, refused = 0;
        for (int round = 0; round < 4000; round++)
        {
            var reading = reader.Read("f.yaml", random.Damage(whole));
            Assert.Equal(reading.Options is null, reading.Problems.Count > 0);
            Assert.DoesNotContain(reading.Problems, problem => problem.ToString().Contains('\n') || problem.What.Length > 400);
            _ = reading.Options is null ? refused++ : valid++;
        }
        Assert.True(refused > 1000, $"{valid} valid, {refused} refused");
    }

    private static ConfigurationReading Read(string yaml) => new ConfigurationReader(Policies).Read("f.yaml", Encoding.UTF8.GetBytes(yaml));

    private static GatewayOptions Valid(string yaml)
    {
        var reading = Read(yaml);
        Assert.Empty(reading.Problems.Select(problem => problem.ToString()));
        return reading.Options!;
    }
}
