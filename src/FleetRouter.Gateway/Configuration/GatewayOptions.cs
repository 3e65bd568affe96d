using System.Net;
using FleetRouter.Domain.Fleet;
using FleetRouter.Engines.Discovery;
using FleetRouter.Hosting;
using Microsoft.Extensions.Logging;

namespace FleetRouter.Gateway.Configuration;

/// <summary>Everything the configuration file may say. Immutable; units, ranges and reasons stand in
/// <see cref="OptionTable"/>, defaults here.</summary>
internal sealed record GatewayOptions
{
    public Uri Listen { get; init; } = new("http://127.0.0.1:8000");

    public Uri AdminListen { get; init; } = new("http://127.0.0.1:8001");

    /// <summary>Keys a client may show; none means that every client may ask.</summary>
    public IReadOnlyList<ApiKey> ApiKeys { get; init; } = [];

    /// <summary>Holders of keys who may spend so much and no more.</summary>
    public IReadOnlyList<TenantSection> Tenants { get; init; } = [];

    public long MaxBodyBytes { get; init; } = 64L << 20;

    public UpstreamOptions Upstream { get; init; } = new();

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    public JournalSection Journal { get; init; } = new();

    public ResponsesSection Responses { get; init; } = new();
    public DatabaseSection Database { get; init; } = new();

    public ClusterSection Cluster { get; init; } = new();

    public IReadOnlyList<PoolSection> Pools { get; init; } = [];
}

/// <summary>A client's key, by its hash: the configuration never holds a key itself.</summary>
internal sealed record ApiKey
{
    public string Name { get; init; } = "";

    /// <summary>SHA-256 of the key's UTF-8 bytes, 64 lower-case hexadecimal digits.</summary>
    public string Sha256 { get; init; } = "";
}

/// <summary>A tenant: who it is and what it may spend.</summary>
internal sealed record TenantSection
{
    public string Name { get; init; } = "";

    /// <summary>Tokens of prompts and answers in one window.</summary>
    public long Tokens { get; init; }

    /// <summary>Length of a window.</summary>
    public TimeSpan Per { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Most tokens of an answer whose request gives no bound.</summary>
    public int MaxAnswer { get; init; } = 4_096;

    public IReadOnlyList<ApiKey> ApiKeys { get; init; } = [];
}

/// <summary>How the gateway talks to engines.</summary>
internal sealed record UpstreamOptions
{
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    public TimeSpan ActivityTimeout { get; init; } = TimeSpan.FromMinutes(10);
}

/// <summary>Whether, where and how much of what pools decide is kept in files.</summary>
internal sealed record JournalSection
{
    /// <summary>The folder; null for no journal.</summary>
    public string? Path { get; init; }

    /// <summary>Bytes one pool's journal may hold.</summary>
    public long MaxBytes { get; init; } = 1L << 30;
}

/// <summary>How long and where the answers of <c>/v1/responses</c> are kept.</summary>
internal sealed record ResponsesSection
{
    public TimeSpan KeepFor { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Bytes that they may take in memory.</summary>
    public long MemoryBytes { get; init; } = 256L << 20;
}

/// <summary>The PostgreSQL database, if there is one. Holds where its connection string is, never the string.</summary>
internal sealed record DatabaseSection
{
    /// <summary>Where its connection string is; null for no database.</summary>
    public SecretSource? ConnectionString { get; init; }

    public int Connections { get; init; } = 8;

    public long BufferBytes { get; init; } = 64L << 20;

    /// <summary>Whether pools' journals are kept there, in place of files.</summary>
    public bool Journal { get; init; }

    public TimeSpan JournalAge { get; init; } = TimeSpan.FromDays(7);
}

/// <summary>This gateway's part in a cluster, if it has one.</summary>
internal sealed record ClusterSection
{
    /// <summary>Where other gateways reach this one's silo; null for a gateway that runs its pools itself.</summary>
    public IPEndPoint? Silo { get; init; }

    public string Name { get; init; } = "fleetrouter";

    public TimeSpan PlacementBudget { get; init; } = TimeSpan.FromMilliseconds(25);
}

/// <summary>One pool: what its judgement is told, and where its engines are.</summary>
internal sealed record PoolSection
{
    public PoolOptions Options { get; init; } = new() { Name = "" };

    public ProbeOptions Probe { get; init; } = new();

    /// <summary>The engines' base addresses; empty when <see cref="Dns"/> finds them.</summary>
    public IReadOnlyList<InstanceSection> Instances { get; init; } = [];

    public DnsName? Dns { get; init; }

    /// <summary>Environment variable that holds the key the engines want; null if they want none.</summary>
    public string? EngineApiKeyEnv { get; init; }

    /// <summary>Tokens that the models' chat template may add of its own to a prompt.</summary>
    public int TemplateTokens { get; init; } = 1_024;

    /// <summary>Whether engines are asked for the ids of their tokens, and to stream what clients want whole. Default true.</summary>
    public bool Resume { get; init; } = true;
}

/// <summary>One engine at a fixed address.</summary>
internal sealed record InstanceSection
{
    public Uri Url { get; init; } = new("http://127.0.0.1");
}
