using System.Runtime.InteropServices;

namespace FleetRouter.LoadGen;

/// <summary>
/// Turns the first Ctrl-C (or SIGTERM) into an early end with a report; a later one ends the process as usual. One within
/// a second is the same one again: timeout(1) and shells signal a process and its group.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private static readonly TimeSpan SameSignal = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration[] _signals;
    private long _first;

    public Interruption() => _signals =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt),
    ];

    public CancellationToken Stop => _stop.Token;

    private void Interrupt(PosixSignalContext context)
    {
        var now = TimeProvider.System.GetTimestamp();
        var first = Interlocked.CompareExchange(ref _first, now, 0);
        context.Cancel = first == 0 || TimeProvider.System.GetElapsedTime(first, now) < SameSignal;
        _stop.Cancel();
    }

    public void Dispose()
    {
        foreach (var signal in _signals) signal.Dispose();
        _stop.Dispose();
    }
}
