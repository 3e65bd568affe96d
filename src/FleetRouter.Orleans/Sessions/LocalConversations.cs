using System.Diagnostics.Metrics;
using FleetRouter.Hosting.Conversations;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Orleans.Sessions;

/// <summary>What the conversations that are at work on this silo stand on.</summary>
internal sealed class LocalConversations
{
    public LocalConversations(IConversations kept, MemoryConversations memory, Meter meter)
    {
        (Kept, Memory) = (kept, memory);
        meter.CreateObservableGauge("fleetrouter_session_turns_bytes", () => memory.Bytes, description: "Memory that turns take whose conversations' actors run on this gateway.");
    }

    /// <summary>Where turns last, for all silos.</summary>
    public IConversations Kept { get; }

    /// <summary>Turns that this silo's actors hold, in one bound for all of them. An actor trusts only what it has put there itself.</summary>
    public MemoryConversations Memory { get; }
}
