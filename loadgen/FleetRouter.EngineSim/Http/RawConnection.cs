using Microsoft.AspNetCore.Connections.Features;

namespace FleetRouter.EngineSim.Http;

/// <summary>The connection beneath HTTP, for faults HTTP would not let happen.</summary>
internal static class RawConnection
{
    /// <summary>Sends what was written and some raw bytes, then closes the connection in the middle of whatever HTTP was doing.</summary>
    public static async Task EndAsync(HttpContext context, byte[] bytes)
    {
        var transport = context.Features.Get<IConnectionTransportFeature>()!.Transport;
        if (bytes.Length > 0)
            await transport.Output.WriteAsync(bytes);
        // Completing the transport's output sends all of it before the socket closes; an abort could overtake it.
        await transport.Output.CompleteAsync();
        var closed = context.Features.Get<IConnectionLifetimeFeature>()!.ConnectionClosed;
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using (closed.UnsafeRegister(_ => end.TrySetResult(), null))
            await end.Task;
        context.Abort();
    }
}
