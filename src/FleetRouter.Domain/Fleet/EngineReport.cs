namespace FleetRouter.Domain.Fleet;

/// <summary>What an engine says of itself at one probe. A value the engine does not tell is null, never a guess.</summary>
/// <param name="Models">Names the engine answers to: the base model and its loaded adapters.</param>
/// <param name="Running">Requests in the engine's running batch, all data-parallel ranks together.</param>
/// <param name="Waiting">Requests queued inside the engine, all data-parallel ranks together.</param>
/// <param name="KvUsage">Share of KV blocks held by running requests, 0 to 1; the fullest rank's.</param>
/// <param name="KvCapacityTokens">Tokens the KV cache holds (blocks × block size), all ranks together.</param>
/// <param name="PrefixQueryTokens">Prompt tokens looked up in the prefix cache since the engine started.</param>
/// <param name="PrefixHitTokens">Prompt tokens found there since the engine started.</param>
/// <param name="StartedAtSeconds">Unix time at which the engine's process started; a change means an empty cache.</param>
public sealed record EngineReport(
    IReadOnlyList<string> Models,
    int? Running = null,
    int? Waiting = null,
    double? KvUsage = null,
    long? KvCapacityTokens = null,
    long? PrefixQueryTokens = null,
    long? PrefixHitTokens = null,
    double? StartedAtSeconds = null);
