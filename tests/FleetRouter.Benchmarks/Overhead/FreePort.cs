using System.Net;
using System.Net.Sockets;

namespace FleetRouter.Benchmarks.Overhead;

/// <summary>Ports for programs that cannot choose their own.</summary>
internal static class FreePort
{
    public static int Next()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
