using System.Net.Sockets;

namespace FleetRouter.Gateway.Forwarding;

/// <summary>What a lost connection to an engine looks like to who sends or reads.</summary>
internal static class ConnectionLoss
{
    /// <summary>Whether the engine, or the way to it, is what failed. An engine that dies as a connection is made shows itself by the bare socket's error.</summary>
    public static bool Is(Exception e) => e is IOException or HttpRequestException or SocketException;
}
