using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FleetRouter.Benchmarks.Cluster;

/// <summary>Waits on the calling thread until an instant, to some ten microseconds and without using the core meanwhile: the runtime's own
/// timers are a millisecond off, which is what is to be measured.</summary>
internal static class Pace
{
    private const int SetTimerSlack = 29;   // PR_SET_TIMERSLACK

    /// <summary>To be called once by the thread that waits.</summary>
    public static void Sharpen()
    {
        if (OperatingSystem.IsLinux())
            _ = Control(SetTimerSlack, 1, 0, 0, 0);
    }

    /// <summary>Waits until <paramref name="timestamp"/> of <see cref="Stopwatch"/>.</summary>
    public static void Until(long timestamp)
    {
        for (TimeSpan left = Left(timestamp); left > TimeSpan.Zero; left = Left(timestamp))
        {
            if (!OperatingSystem.IsLinux())
            {
                Thread.Sleep(left > TimeSpan.FromMilliseconds(2) ? 1 : 0);
                continue;
            }
            var wait = new TimeSpec(left.Ticks / TimeSpan.TicksPerSecond, left.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick);
            _ = Sleep(in wait, 0);
        }
    }

    private static TimeSpan Left(long timestamp) => Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), timestamp);

    [DllImport("libc", EntryPoint = "nanosleep")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Sleep(in TimeSpec wait, nint left);

    [DllImport("libc", EntryPoint = "prctl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Control(int option, ulong value, ulong unused, ulong unusedToo, ulong andThis);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct TimeSpec(long Seconds, long Nanoseconds);
}
