using System.Diagnostics;
using System.Globalization;

namespace FleetRouter.LoadGen.Sim;

/// <summary>Says on stderr how many simulated runs are done, a line every few seconds and one at the end.</summary>
internal sealed class RunProgress(bool quiet) : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Stopwatch _elapsed = Stopwatch.StartNew();
    private TimeSpan _next = Interval;
    private int _runs;

    /// <summary>A run of a policy is done.</summary>
    public void Ran(string name)
    {
        lock (_lock)
        {
            _runs++;
            if (quiet || _elapsed.Elapsed < _next) return;
            _next = _elapsed.Elapsed + Interval;
            Say($"at {name}");
        }
    }

    public void Dispose()
    {
        if (!quiet) Say("done");
    }

    private void Say(string what) =>
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{_elapsed.Elapsed.TotalSeconds:0} s, {_runs} simulated runs, {what}"));
}
