using System.Net;
using FleetRouter.Domain.Fleet;
using FleetRouter.Engines.Discovery;
using FleetRouter.Hosting;

namespace FleetRouter.Gateway.Configuration;

/// <summary>Every option once: its name, type, unit, range and reason. The reader and the reference both come from here;
/// defaults are those of the option records.</summary>
/// <param name="policies">Names of the placement policies.</param>
internal sealed class OptionTable(IReadOnlyList<string> policies)
{
    public static GatewayOptions Defaults { get; } = new();

    public IReadOnlyList<Option<GatewayOptions>> Options { get; } =
    [
        new ValueOption<GatewayOptions, Uri>("listen", TextKinds.ListenAddress, o => o.Listen, (o, v) => o with { Listen = v },
            "Where clients ask. Loopback by default, so that a first try opens nothing; port 0 picks a free one. Read at start only."),
        new GroupOption<GatewayOptions>("admin",
        [
            new ValueOption<GatewayOptions, Uri>("listen", TextKinds.ListenAddress, o => o.AdminListen, (o, v) => o with { AdminListen = v },
                "Where fleet state and decisions are read. It asks for no key: keep it on loopback or a private network. Read at start only."),
        ]),
        new ListOption<GatewayOptions, ApiKey>("apiKeys", ApiKeyOptions, new ApiKey(), (o, v) => o with { ApiKeys = v },
            "Clients must show one of these keys, or one of a tenant's, as `Authorization: Bearer KEY`. Without any, every client is served."),
        new ListOption<GatewayOptions, TenantSection>("tenants", TenantOptions, new TenantSection(), (o, v) => o with { Tenants = v },
            "Holders of keys with a budget of tokens, which is never exceeded; see [budgets](budgets.md). Requests with other keys have none."),
        new GroupOption<GatewayOptions>("limits",
        [
            new ValueOption<GatewayOptions, long>("body", Quantities.Size(1L << 10, 1L << 30), o => o.MaxBodyBytes, (o, v) => o with { MaxBodyBytes = v },
                "Largest request body; beyond it 413. The default fits prompts of a million tokens and a few images."),
        ]),
        new GroupOption<GatewayOptions>("upstream",
        [
            Time<GatewayOptions>("connectTimeout", "10ms", "1m", o => o.Upstream.ConnectTimeout, (o, v) => o with { Upstream = o.Upstream with { ConnectTimeout = v } },
                "Longest time to open a connection to an engine; then the request is tried elsewhere."),
            Time<GatewayOptions>("activityTimeout", "1s", "1d", o => o.Upstream.ActivityTimeout, (o, v) => o with { Upstream = o.Upstream with { ActivityTimeout = v } },
                "Longest silence of an engine within a request. Long, because a queued long prompt is silent until its first token."),
        ]),
        new GroupOption<GatewayOptions>("log",
        [
            new ValueOption<GatewayOptions, LogLevel>("level", TextKinds.Level, o => o.LogLevel, (o, v) => o with { LogLevel = v },
                "Least severe line written. Logs are JSON lines on standard error, without prompts or keys at any level."),
        ]),
        new GroupOption<GatewayOptions>("journal",
        [
            new ValueOption<GatewayOptions, string>("path", TextKinds.Folder, o => o.Journal.Path ?? "", (o, v) => o with { Journal = o.Journal with { Path = v } },
                "Folder in which every event and decision of each pool is kept, so that `./fleet why` can replay them; without it none is. Holds ids and hashes, no prompt text. Read at start only.") { DefaultText = "none" },
            new ValueOption<GatewayOptions, long>("maxSize", Quantities.Size(1L << 20, 1L << 40), o => o.Journal.MaxBytes, (o, v) => o with { Journal = o.Journal with { MaxBytes = v } },
                "Most that one pool's journal takes; the older half then goes, and decisions can be read but no longer replayed. About 3 KB a request. Read at start only."),
        ]),
        new GroupOption<GatewayOptions>("responses",
        [
            Time<GatewayOptions>("keepFor", "1m", "365d", o => o.Responses.KeepFor, (o, v) => o with { Responses = o.Responses with { KeepFor = v } },
                "Time after which an answer of `/v1/responses` can no longer be gone on from or read, as OpenAI has it. Read at start only."),
            new ValueOption<GatewayOptions, long>("memory", Quantities.Size(1L << 20, 1L << 40), o => o.Responses.MemoryBytes, (o, v) => o with { Responses = o.Responses with { MemoryBytes = v } },
                "Most that kept answers take in memory, 1 KiB for each beside its own bytes; what was used longest ago goes first. In a cluster the turns of conversations whose actor runs here take as much again. The default holds some 50,000 turns of 4 KiB. Read at start only."),
        ]),
        new GroupOption<GatewayOptions>("database",
        [
            new ValueOption<GatewayOptions, SecretSource?>("connectionString", TextKinds.Secret, o => o.Database.ConnectionString, (o, v) => o with { Database = o.Database with { ConnectionString = v } },
                "Where the connection string of a PostgreSQL database, 14 or later, is found, as in `Host=db;Database=fleetrouter;Username=router;Password=SECRET`; never the string itself. Without one all is kept in this process's memory. Read at start only.") { DefaultText = "none" },
            new ValueOption<GatewayOptions, int>("connections", Quantities.SmallCount(3, 1_000), o => o.Database.Connections, (o, v) => o with { Database = o.Database with { Connections = v } },
                "Connections at most, besides two of their own for the provisioner's role and for coming back; writes take two. A look-up takes about a millisecond, so the default is good for thousands a second. Read at start only."),
            new ValueOption<GatewayOptions, long>("buffer", Quantities.Size(1L << 20, 1L << 40), o => o.Database.BufferBytes, (o, v) => o with { Database = o.Database with { BufferBytes = v } },
                "Bytes of answers that wait in memory while the database is away; beyond it the oldest go, counted and named. The default holds five minutes of 25 answers of 8 KiB a second. Read at start only."),
            new ValueOption<GatewayOptions, bool>("journal", TextKinds.Switch, o => o.Database.Journal, (o, v) => o with { Database = o.Database with { Journal = v } },
                "Whether what pools decide is kept in the database in place of the files of `journal.path`, so that `./fleet why --database` can replay it anywhere. Off by default: some 3 KB a request before compression. Read at start only."),
            Time<GatewayOptions>("journalAge", "1h", "365d", o => o.Database.JournalAge, (o, v) => o with { Database = o.Database with { JournalAge = v } },
                "Age from which on the database's journals are forgotten. Once a run's beginning is gone its decisions can be read but no longer replayed. Read at start only."),
        ]),
        new GroupOption<GatewayOptions>("cluster",
        [
            new ValueOption<GatewayOptions, IPEndPoint?>("silo", TextKinds.Silo, o => o.Cluster.Silo, (o, v) => o with { Cluster = o.Cluster with { Silo = v } },
                "Where the other gateways reach this one; 0.0.0.0 stands for this machine's own address. With it the pools run once in the whole cluster, with the load of all gateways, and `database.connectionString` names the database that knows the members; without it this gateway runs its pools itself. Read at start only.") { DefaultText = "none" },
            new ValueOption<GatewayOptions, string>("name", TextKinds.Name, o => o.Cluster.Name, (o, v) => o with { Cluster = o.Cluster with { Name = v } },
                "Gateways of one name on one database are one cluster. Read at start only."),
            Time<GatewayOptions>("placementBudget", "1ms", "1s", o => o.Cluster.PlacementBudget, (o, v) => o with { Cluster = o.Cluster with { PlacementBudget = v } },
                "How long a gateway waits for a pool that runs elsewhere before it places a request itself, by dual hash on what the pool told last. An answer takes well under 1 ms; the default outlasts the runtime's own pauses. Read at start only."),
        ]),
        new ListOption<GatewayOptions, PoolSection>("pools", PoolOptions(policies), new PoolSection(), (o, v) => o with { Pools = v },
            "The pools of the fleet, at least one.") { Required = true },
    ];

    private static IReadOnlyList<Option<ApiKey>> ApiKeyOptions { get; } =
    [
        new ValueOption<ApiKey, string>("name", TextKinds.Name, k => k.Name, (k, v) => k with { Name = v },
            "Who holds the key; stands in logs in its place.") { Required = true },
        new ValueOption<ApiKey, string>("sha256", TextKinds.Sha256, k => k.Sha256, (k, v) => k with { Sha256 = v },
            "The key's SHA-256, as `printf %s KEY | sha256sum` prints it, so that the file holds no secret.") { Required = true },
    ];

    private static IReadOnlyList<Option<TenantSection>> TenantOptions { get; } =
    [
        new ValueOption<TenantSection, string>("name", TextKinds.Name, t => t.Name, (t, v) => t with { Name = v },
            "The tenant in metrics, errors and the database; once in the file.") { Required = true },
        new ValueOption<TenantSection, long>("tokens", Quantities.Count(1, 1_000_000_000_000_000), t => t.Tokens, (t, v) => t with { Tokens = v },
            "Tokens of prompts and answers that it may spend in one window; beyond it 429. A change holds at once.") { Required = true },
        Time<TenantSection>("per", "1s", "365d", t => t.Per, (t, v) => t with { Per = v },
            "Length of a window. Windows begin at whole multiples of it since 1970 in UTC: those of `1h` at full hours. A change holds from the next window on."),
        new ValueOption<TenantSection, int>("maxAnswer", Quantities.SmallCount(1, 10_000_000), t => t.MaxAnswer, (t, v) => t with { MaxAnswer = v },
            "`max_tokens` set for a request that gives no bound to its answer, since one must be reserved. Engines reject a request whose prompt leaves less room than that."),
        new ListOption<TenantSection, ApiKey>("apiKeys", ApiKeyOptions, new ApiKey(), (t, v) => t with { ApiKeys = v },
            "The tenant's keys, at least one; all spend from the one budget.") { Required = true },
    ];

    private static IReadOnlyList<Option<InstanceSection>> InstanceOptions { get; } =
    [
        new ValueOption<InstanceSection, Uri>("url", TextKinds.EngineUrl, i => i.Url, (i, v) => i with { Url = v },
            "The engine's base address. Names and ports make its identity, which prefixes are placed by.") { Required = true },
    ];

    private static IReadOnlyList<Option<DnsName>> DnsOptions { get; } =
    [
        new ValueOption<DnsName, string>("name", TextKinds.DnsHost, d => d.Name, (d, v) => d with { Name = v },
            "Every A and AAAA record behind it is one instance.") { Required = true },
        new ValueOption<DnsName, int>("port", Quantities.SmallCount(1, 65_535), d => d.Port, (d, v) => d with { Port = v },
            "TCP port of every instance; vLLM's default."),
        new ValueOption<DnsName, string>("scheme", TextKinds.OneOf(["http", "https"]), d => d.Scheme, (d, v) => d with { Scheme = v },
            "With https the certificates must name the engines' IP addresses."),
        Time<DnsName>("interval", "1s", "1h", d => d.Interval, (d, v) => d with { Interval = v },
            "Time between lookups, spread by ±10%. A lookup that fails keeps the last instances."),
    ];

    private static IReadOnlyList<Option<PoolSection>> PoolOptions(IReadOnlyList<string> policies) =>
    [
        new ValueOption<PoolSection, string>("name", TextKinds.Name, p => p.Options.Name, (p, v) => p with { Options = p.Options with { Name = v } },
            "The pool in metrics, decisions and the admin API; once in the file.") { Required = true },
        new ValueOption<PoolSection, string>("policy", TextKinds.OneOf(policies), p => p.Options.Policy, (p, v) => p with { Options = p.Options with { Policy = v } },
            "How requests are placed. All but the default are for comparison: the plain ones and the rules of other routers."),
        new ListOption<PoolSection, InstanceSection>("instances", InstanceOptions, new InstanceSection(), (p, v) => p with { Instances = v },
            "Engines at fixed addresses. Give these or `dns`."),
        new SectionOption<PoolSection, DnsName>("dns", DnsOptions, new DnsName("", 8000, "http", TimeSpan.FromSeconds(5)), (p, v) => p with { Dns = v },
            "Engines behind one DNS name, such as a headless Kubernetes service."),
        new ValueOption<PoolSection, string>("engineApiKeyEnv", TextKinds.EnvironmentVariable, p => p.EngineApiKeyEnv ?? "", (p, v) => p with { EngineApiKeyEnv = v },
            "Environment variable with the key the engines were started with (`--api-key`).") { DefaultText = "none" },
        new ValueOption<PoolSection, bool>("resume", TextKinds.Switch, p => p.Resume, (p, v) => p with { Resume = v },
            "Whether answers go on with another engine where one breaks off. For that engines are asked for token ids (`return_token_ids`, vLLM from 0.10; others pass over it) and to stream what clients want whole. Off for engines that reject a field they do not know."),
        new ValueOption<PoolSection, int>("templateTokens", Quantities.SmallCount(0, 1_000_000), p => p.TemplateTokens, (p, v) => p with { TemplateTokens = v },
            "Tokens that the models' chat template may add of its own, such as a default system prompt: reserved for each chat of a tenant with a budget, beside the bytes of its body. The default covers the templates in wide use, whose preambles have some hundreds."),
        PoolTime("ttftSlo", "10ms", "10m", o => o.TtftSlo, (o, v) => o with { TtftSlo = v },
            "Time to first token a request should meet: coming near it makes an instance dear, and who must begin first goes first. The dual-hash paper's SLO."),
        PoolTime("ttftSloPerThousandTokens", "0s", "1m", o => o.TtftSloPerThousandTokens, (o, v) => o with { TtftSloPerThousandTokens = v },
            "Added to `ttftSlo` for each 1,000 prompt tokens; without it one bound holds for all."),
        PoolTime("interTokenSlo", "1ms", "10s", o => o.InterTokenSlo, (o, v) => o with { InterTokenSlo = v },
            "Mean time between tokens a request should meet: prompts are sent no faster than leaves the answers in the batch this pace. The default is faster than most people read."),
        new ValueOption<PoolSection, bool>("refuseLate", TextKinds.Switch, p => p.Options.RefuseLate, (p, v) => p with { Options = p.Options with { RefuseLate = v } },
            "Whether a request that an idle instance could serve within `ttftSlo`, but the fleet as it is cannot, is refused as busy at once. Off, because to a person who waits late is better than never."),
        new ValueOption<PoolSection, bool>("migration", TextKinds.Switch, p => p.Options.Migration, (p, v) => p with { Options = p.Options with { Migration = v } },
            "Whether requests are moved once they were sent: out of an engine's queue to where they begin sooner, and while they are answered from where room runs out to where there is some. Worth most under policies that send without looking at room. Off an instance that drains they are moved in any case."),
        new ValueOption<PoolSection, double>("prefillTokensPerSecond", Quantities.Number(100, 10_000_000), p => p.Options.PrefillTokensPerSecond,
            (p, v) => p with { Options = p.Options with { PrefillTokensPerSecond = v } },
            "Prefill speed assumed of an instance until first tokens, its own or its peers', teach better, in tokens/s; an A100 with an 8B model."),
        new ValueOption<PoolSection, long>("kvCapacityTokens", Quantities.Count(1_000, 1_000_000_000), p => p.Options.KvCapacityTokens,
            (p, v) => p with { Options = p.Options with { KvCapacityTokens = v } },
            "KV cache assumed of an instance that does not report its own, in tokens; an 80 GB GPU with an 8B model."),
        PoolCount("maxRequestsPerInstance", 1, 100_000, o => o.MaxRequestsPerInstance, (o, v) => o with { MaxRequestsPerInstance = v },
            "Requests on one instance from which it counts as saturated; more would queue inside the engine, where nothing can move them."),
        PoolCount("maxAttempts", 1, 16, o => o.MaxAttempts, (o, v) => o with { MaxAttempts = v },
            "Instances one request is tried on before it is refused."),
        new ValueOption<PoolSection, double>("retryBudget", Quantities.Number(0, 10), p => p.Options.RetryBudget, (p, v) => p with { Options = p.Options with { RetryBudget = v } },
            "Share of the requests, those of the last seconds and those in flight, that may be attempted again before they have a token, beside a few at any time; beyond it they are refused, so that a sick fleet is not asked for thrice its load. As Finagle, Linkerd and Envoy have it."),
        new ValueOption<PoolSection, double>("hedgeBudget", Quantities.Number(0, 1), p => p.Options.HedgeBudget, (p, v) => p with { Options = p.Options with { HedgeBudget = v } },
            "Share of the requests that may be asked of a second instance too when their first token is later than 95 of 100 are, beside what was expected of them; the first of the two to have a token answers, the other is cancelled. 0 asks nobody twice, since that is work done twice; 0.05 where engines hiccup and are not full. An answer's headers then come with its first token."),
        new GroupOption<PoolSection>("hold",
        [
            PoolCount("max", 0, 1_000_000, o => o.MaxHeld, (o, v) => o with { MaxHeld = v },
                "Requests that wait in the router, while every instance is saturated or for the one that suits them; beyond it 429."),
            PoolTime("time", "0s", "1h", o => o.MaxHoldTime, (o, v) => o with { MaxHoldTime = v },
                "Longest wait there, then 429. Half of the minute that many clients wait."),
        ]),
        new GroupOption<PoolSection>("sessions",
        [
            PoolCount("max", 0, 10_000_000, o => o.MaxSessions, (o, v) => o with { MaxSessions = v },
                "Conversations whose home instance is remembered, about 100 bytes each; the longest idle are forgotten first."),
            PoolTime("idleTime", "1s", "7d", o => o.SessionIdleTime, (o, v) => o with { SessionIdleTime = v },
                "Time without a turn after which a conversation's home is forgotten: its cache is gone by then."),
        ]),
        PoolCount("suspectAfterFailedProbes", 1, 100, o => o.SuspectAfterFailedProbes, (o, v) => o with { SuspectAfterFailedProbes = v },
            "Probes failed in a row after which an instance gets no new work; one alone may be bad luck."),
        new ValueOption<PoolSection, double>("maxEjectedShare", Quantities.Number(0, 1), p => p.Options.MaxEjectedShare, (p, v) => p with { Options = p.Options with { MaxEjectedShare = v } },
            "Share of the instances that may be kept out, for seconds to minutes, for failing or crawling more than their peers though they answer their probes; never the last of a model. 0 keeps none out."),
        new GroupOption<PoolSection>("probe",
        [
            Time<PoolSection>("interval", "50ms", "5m", p => p.Probe.Interval, (p, v) => p with { Probe = p.Probe with { Interval = v } },
                "Time between probes of a healthy instance. Load is counted at dispatch, so probes only reconcile."),
            Time<PoolSection>("timeout", "10ms", "1m", p => p.Probe.Timeout, (p, v) => p with { Probe = p.Probe with { Timeout = v } },
                "Time one probe may take before it has failed."),
            Time<PoolSection>("maxBackoff", "50ms", "10m", p => p.Probe.MaxBackoff, (p, v) => p with { Probe = p.Probe with { MaxBackoff = v } },
                "Longest time between probes of an instance that keeps failing; the interval doubles up to it."),
        ]),
    ];

    private static ValueOption<T, TimeSpan> Time<T>(string name, string min, string max, Func<T, TimeSpan> get, Func<T, TimeSpan, T> set, string why)
    {
        var any = Quantities.Duration(TimeSpan.Zero, TimeSpan.FromDays(365));
        return new ValueOption<T, TimeSpan>(name, Quantities.Duration(any.Parse(min).Value, any.Parse(max).Value), get, set, why);
    }

    private static ValueOption<PoolSection, TimeSpan> PoolTime(string name, string min, string max, Func<PoolOptions, TimeSpan> get,
        Func<PoolOptions, TimeSpan, PoolOptions> set, string why) =>
        Time<PoolSection>(name, min, max, p => get(p.Options), (p, v) => p with { Options = set(p.Options, v) }, why);

    private static ValueOption<PoolSection, int> PoolCount(string name, int min, int max, Func<PoolOptions, int> get,
        Func<PoolOptions, int, PoolOptions> set, string why) =>
        new(name, Quantities.SmallCount(min, max), p => get(p.Options), (p, v) => p with { Options = set(p.Options, v) }, why);
}
