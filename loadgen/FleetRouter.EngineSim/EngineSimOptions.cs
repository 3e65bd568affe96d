using FleetRouter.Simulation.Engine;

namespace FleetRouter.EngineSim;

/// <summary>A fleet of stand-in engines, all of one model, in one process.</summary>
public sealed record EngineSimOptions
{
    /// <summary>Number of engines; 1 and up.</summary>
    public int Count { get; init; } = 1;

    /// <summary>Address to listen on.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>Port of the first engine, the others follow; 0 gives each any free port.</summary>
    public int Port { get; init; }

    /// <summary>Name of the served model.</summary>
    public string Model { get; init; } = "sim/llama-3.1-8b";

    /// <summary>Model and hardware whose timing and capacity the engines have.</summary>
    public EngineProfile Profile { get; init; } = EngineProfile.Named("h100-llama-3.1-8b");

    /// <summary>Where the engines depart from the profile, and their admission caps.</summary>
    public EngineLimits Limits { get; init; } = new();

    /// <summary>Engine seconds in one second of the wall clock; above 0. 10 makes engines ten times faster.</summary>
    public double TimeScale { get; init; } = 1;

    /// <summary>Seed of the answers' natural lengths; equal in engines that shall agree.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Key that /v1 calls must carry as a bearer token; null for none.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Names of adapters listed beside the model.</summary>
    public IReadOnlyList<string> LoraModules { get; init; } = [];

    /// <summary>Largest request body in bytes.</summary>
    public long MaxBodyBytes { get; init; } = 64 << 20;

    /// <summary>The clock the engines run on.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>What is wrong with these options, one line each; empty if nothing is.</summary>
    public IEnumerable<string> Problems()
    {
        if (Count is < 1 or > 1000)
            yield return $"count is {Count}; it must be 1 to 1000";
        if (Port is < 0 or > 65535 || (Port > 0 && Port + Count - 1 > 65535))
            yield return $"port is {Port}; it and the {Count - 1} after it must lie in 0 to 65535";
        if (!(TimeScale > 0) || double.IsInfinity(TimeScale))
            yield return $"time scale is {TimeScale}; it must be above 0";
        if (string.IsNullOrWhiteSpace(Model))
            yield return "model is empty; give the name clients ask for";
        if (!System.Net.IPAddress.TryParse(Host, out _))
            yield return $"host is '{Host}'; it must be an IP address, such as 127.0.0.1 or 0.0.0.0";
        foreach (var (name, value) in new[]
        {
            ("max sequences", Limits.MaxSequences), ("KV blocks", Limits.KvBlocks), ("max queued requests", Limits.MaxQueuedRequests),
            ("max queued tokens", Limits.MaxQueuedTokens), ("max model length", Limits.MaxModelLength), ("max batched tokens", Limits.MaxBatchedTokens),
        })
        {
            if (value < 1)
                yield return $"{name} is {value}; it must be at least 1";
        }
    }
}
