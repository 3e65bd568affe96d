using FleetRouter.Hosting.Ports;

namespace FleetRouter.Gateway.Configuration;

/// <summary>What no single option can tell: names used twice, pools without engines, values that contradict each other.
/// Works on the tree, so that a value that is wrong by itself is not reported again.</summary>
internal sealed class CrossChecks(YamlBlock file, ProblemList problems)
{
    /// <summary>Adds every contradiction found.</summary>
    /// <param name="environment">Tells a variable's value; null where the file is checked away from the machine it is for.</param>
    public void Run(Func<string, string?>? environment)
    {
        var pools = Blocks(file, "pools");
        Distinct(Texts(pools, "pools", "name"), "a pool of this name is in line {0} already", "give each pool its own name");
        var tenants = Blocks(file, "tenants");
        Distinct(Texts(tenants, "tenants", "name"), "a tenant of this name is in line {0} already", "give each tenant its own name");
        Distinct(Keys("name"), "a key of this name is in line {0} already", "give each key its own name");
        Distinct(Keys("sha256", text => text.ToLowerInvariant()), "the same key is in line {0} already", "keep one of the two");
        foreach (var (tenant, index) in tenants.Select((tenant, index) => (tenant, index)))
            if (tenant?["apiKeys"] is YamlList { Items.Count: 0 } keyless)
                problems.Add(keyless, $"tenants[{index}].apiKeys", "no key", "add at least one");
        Distinct(pools.SelectMany((pool, index) => Texts(Blocks(pool, "instances"), $"pools[{index}].instances", "url", EngineName)),
            "the same engine is in line {0} already", "name each engine once, in one pool");
        if (file["pools"] is YamlList { Items.Count: 0 } none) problems.Add(none, "pools", "no pool", "add at least one");
        for (int index = 0; index < pools.Count; index++)
            if (pools[index] is { } pool)
                CheckPool(pool, $"pools[{index}]", environment);
        CheckPorts();
        if (file["database"] is YamlBlock database && database["connectionString"] is YamlValue place && TextKinds.Secret.Parse(place.Text).Value is { Variable: { } variable })
            CheckVariable(variable, place, "database.connectionString", environment);
        if ((file["cluster"] as YamlBlock)?["silo"] is YamlValue silo && (file["database"] as YamlBlock)?["connectionString"] is null)
            problems.Add(silo, "cluster.silo", "no database knows the cluster's members", "give database.connectionString too");
        if ((file["database"] as YamlBlock)?["journal"] is YamlValue { Text: "true" } kept && (file["journal"] as YamlBlock)?["path"] is not null)
            problems.Add(kept, "database.journal", "journal.path is given too", "keep one of the two");
    }

    /// <summary>Those of clients and of tenants alike: a key has one holder.</summary>
    private IEnumerable<(YamlValue Node, string Path, string Key)> Keys(string name, Func<string, string?>? key = null) =>
        Texts(Blocks(file, "apiKeys"), "apiKeys", name, key).Concat(Blocks(file, "tenants").SelectMany((tenant, index) =>
            Texts(Blocks(tenant, "apiKeys"), $"tenants[{index}].apiKeys", name, key)));

    private void CheckPool(YamlBlock pool, string path, Func<string, string?>? environment)
    {
        bool hasInstances = pool["instances"] is not (null or YamlList { Items.Count: 0 });
        if (!hasInstances && pool["dns"] is null) problems.Add(pool, path, "no engines", "add instances: or dns:");
        if (hasInstances && pool["dns"] is { } dns) problems.Add(dns, $"{path}.dns", "instances: are given too", "keep one of the two");
        if (pool["probe"] is YamlBlock probe && probe["maxBackoff"] is YamlValue backoff && probe["interval"] is YamlValue interval
            && Duration(backoff) is { } longest && Duration(interval) is { } usual && longest < usual)
            problems.Add(backoff, $"{path}.probe.maxBackoff", $"shorter than probe.interval ({interval.Text})", $"write {interval.Text} or more");
        if (pool["engineApiKeyEnv"] is YamlValue key && TextKinds.EnvironmentVariable.Parse(key.Text).What is null)
            CheckVariable(key.Text, key, $"{path}.engineApiKeyEnv", environment);
    }

    private void CheckVariable(string variable, YamlValue node, string path, Func<string, string?>? environment)
    {
        if (environment is not null && string.IsNullOrEmpty(environment(variable)))
            problems.Add(node, path, $"the environment variable {variable} is not set", "set it, or remove the line");
    }

    private void CheckPorts()
    {
        var admin = file["admin"] as YamlBlock;
        if ((admin?["listen"] ?? file["listen"]) is not { } where) return; // both defaults
        var front = Address(file["listen"], OptionTable.Defaults.Listen);
        var back = Address(admin?["listen"], OptionTable.Defaults.AdminListen);
        if (front is null || back is null || front.Port == 0 || front.Port != back.Port) return;
        if (front.Host == back.Host || IsAny(front) || IsAny(back))
            problems.Add(where, admin?["listen"] is null ? "listen" : "admin.listen", $"port {front.Port} is both the clients' and the admin API's", "give each its own port");
    }

    // {0} in what is the line of the first one.
    private void Distinct(IEnumerable<(YamlValue Node, string Path, string Key)> values, string what, string remedy)
    {
        var first = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var (node, path, key) in values)
            if (!first.TryAdd(key, node.Line))
                problems.Add(node, path, string.Format(System.Globalization.CultureInfo.InvariantCulture, what, first[key]), remedy);
    }

    private static IEnumerable<(YamlValue Node, string Path, string Key)> Texts(IReadOnlyList<YamlBlock?> blocks, string path, string name, Func<string, string?>? key = null) =>
        from indexed in blocks.Select((block, index) => (block, index))
        let value = indexed.block?[name] as YamlValue
        where value is { IsNull: false }
        let text = key is null ? value.Text : key(value.Text)
        where text is not null
        select (value, $"{path}[{indexed.index}].{name}", text);

    // Null stands for an entry that is no block, so that the others keep their index.
    private static List<YamlBlock?> Blocks(YamlBlock? outer, string name) =>
        outer?[name] is YamlList list ? [.. list.Items.Select(item => item as YamlBlock)] : [];

    private static string? EngineName(string url) =>
        TextKinds.EngineUrl.Parse(url) is { What: null, Value: var uri } ? EngineEndpoint.At(uri).Id : null;

    private static TimeSpan? Duration(YamlValue value) =>
        Quantities.Duration(TimeSpan.Zero, TimeSpan.FromDays(365)).Parse(value.Text) is { What: null, Value: var time } ? time : null;

    private static Uri? Address(YamlTree? node, Uri otherwise) => node switch
    {
        null => otherwise,
        YamlValue value when TextKinds.ListenAddress.Parse(value.Text) is { What: null, Value: var uri } => uri,
        _ => null,
    };

    private static bool IsAny(Uri address) => address.Host is "0.0.0.0" or "[::]";
}
