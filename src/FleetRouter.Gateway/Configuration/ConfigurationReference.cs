using System.Text;

namespace FleetRouter.Gateway.Configuration;

/// <summary>Writes <c>docs/configuration.md</c> from the table of options.</summary>
internal static class ConfigurationReference
{
    /// <summary>A complete file: every section, with values that differ from the defaults where that is instructive.</summary>
    public const string Example = """
        listen: http://0.0.0.0:8000
        admin:
          listen: http://127.0.0.1:8001
        apiKeys:
          - name: team-search
            # printf %s KEY | sha256sum
            sha256: 2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683
        tenants:
          - name: acme
            tokens: 50000000
            per: 1d
            maxAnswer: 8192
            apiKeys:
              - name: acme-production
                sha256: 9b3f1d6e0c5a4827b6f0e1d2c3a4958677685940312fedcba98765432100aabb
        limits:
          body: 64MiB
        upstream:
          connectTimeout: 5s
          activityTimeout: 10m
        log:
          level: information
        journal:
          path: journal
          maxSize: 1GiB
        responses:
          keepFor: 30d
          memory: 256MiB
        database:
          connectionString: env:FLEETROUTER_DATABASE
          connections: 8
          buffer: 64MiB
          journal: false
          journalAge: 7d
        cluster:
          silo: 0.0.0.0:11111
          name: fleetrouter
          placementBudget: 25ms
        pools:
          - name: llama-8b
            policy: least-cost
            instances:
              - url: http://10.0.0.11:8000
              - url: http://10.0.0.12:8000
            engineApiKeyEnv: ENGINE_API_KEY
            resume: true
            templateTokens: 600
            ttftSlo: 2s
            ttftSloPerThousandTokens: 50ms
            interTokenSlo: 80ms
            refuseLate: true
            prefillTokensPerSecond: 12000
            kvCapacityTokens: 450000
            maxRequestsPerInstance: 256
            maxAttempts: 3
            retryBudget: 0.2
            hedgeBudget: 0.05
            migration: false
            hold:
              max: 1024
              time: 30s
            sessions:
              max: 100000
              idleTime: 30m
            suspectAfterFailedProbes: 3
            maxEjectedShare: 0.5
            probe:
              interval: 1s
              timeout: 2s
              maxBackoff: 15s
          - name: qwen-72b
            dns:
              name: qwen-72b.inference.svc.cluster.local
              port: 8000
              scheme: http
              interval: 5s
        """;

    /// <summary>The whole page.</summary>
    /// <param name="policies">Names of the placement policies.</param>
    public static string Write(IReadOnlyList<string> policies)
    {
        var page = new StringBuilder("""
            # Configuration

            <!-- Generated from the table of options by `./fleet docs`; edit the table, not this page. -->

            The gateway reads one YAML file. `./fleet check FILE` reads it too, starts nothing, and prints every mistake at
            once, one a line: file, line, column, option, what is wrong, what to do.

            - Names are camelCase. A name the gateway does not know is an error, as is a name given twice.
            - A duration carries its unit: `ms`, `s`, `m`, `h`, `d`. So does a size: `B`, `KiB`, `MiB`, `GiB`.
            - Plain YAML only: one document, no anchors, aliases or tags.
            - The file is read again when its content changes (looked at every 2 s; a change counts once two looks see the
              same). Invalid content is reported and changes nothing. Requests under way are not disturbed.

            ## Example

            ```yaml

            """.ReplaceLineEndings("\n"));
        page.Append(Example.ReplaceLineEndings("\n")).Append("\n```\n");
        var lines = new OptionTable(policies).Options.SelectMany(option => option.Describe("", OptionTable.Defaults)).ToList();
        AppendTable(page, "The gateway", "", lines.Where(line => !line.Path.Contains("[]")));
        AppendTable(page, "Each of apiKeys", "apiKeys[].", lines);
        AppendTable(page, "Each of tenants", "tenants[].", lines);
        AppendTable(page, "Each of pools", "pools[].", lines);
        return page.ToString();
    }

    private static void AppendTable(StringBuilder page, string title, string prefix, IEnumerable<OptionLine> lines)
    {
        page.Append($"\n## {title}\n\n| option | type | default | allowed | what for |\n| --- | --- | --- | --- | --- |\n");
        foreach (var line in lines.Where(line => line.Path.StartsWith(prefix, StringComparison.Ordinal)))
            page.Append($"| `{line.Path[prefix.Length..]}` | {line.Type} | {Cell(line.Default)} | {line.Range.Replace("|", "\\|")} | {line.Why.Replace("|", "\\|")} |\n");
    }

    private static string Cell(string value) => value is "required" or "none" ? value : $"`{value}`";
}
