using System.Runtime.InteropServices;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Fleet;

/// <summary>One number for all that a run's effects say, in order: equal digests mean the same decisions with the same reasons.</summary>
internal sealed class EffectDigest
{
    public ulong Value { get; private set; }

    public void Add(PoolEffect effect)
    {
        string text = effect.ToString();
        Value = XxHash64.Of(MemoryMarshal.AsBytes(text.AsSpan()), Value);
        var decision = (effect as Dispatch)?.Decision ?? (effect as Refuse)?.Decision ?? (effect as Move)?.Decision;
        foreach (var score in decision?.Candidates ?? [])
            Value = XxHash64.Of(score.ToString(), Value);   // a record prints a list by its type alone
    }
}
