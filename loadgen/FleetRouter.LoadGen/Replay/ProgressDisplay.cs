using System.Globalization;
using Spectre.Console;

namespace FleetRouter.LoadGen.Replay;

/// <summary>Shows how far a replay is, on stderr: a bar on a terminal, a plain line every few seconds elsewhere.</summary>
internal static class ProgressDisplay
{
    private static readonly TimeSpan BarInterval = TimeSpan.FromMilliseconds(200), LineInterval = TimeSpan.FromSeconds(5);

    public static async Task<ReplayRun> Watch(Replayer replayer, string title, bool quiet, CancellationToken stop)
    {
        var replay = Task.Run(() => replayer.Replay(stop), CancellationToken.None);
        if (quiet) return await replay;
        if (Console.IsErrorRedirected) await Lines(replayer.Run, replay, title);
        else await Bar(replayer.Run, replay, title);
        return await replay;
    }

    private static async Task Bar(ReplayRun run, Task replay, string title)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        await console.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(async context =>
            {
                var task = context.AddTask(Markup.Escape(title), maxValue: Math.Max(1, run.Total));
                for (var ended = false; !ended;)
                {
                    ended = await Task.WhenAny(replay, Task.Delay(BarInterval)) == replay;
                    task.Value = run.Done;
                    task.Description = Markup.Escape($"{title}: {Counts(run)}");
                }
            });
    }

    private static async Task Lines(ReplayRun run, Task replay, string title)
    {
        var elapsed = System.Diagnostics.Stopwatch.StartNew();
        while (await Task.WhenAny(replay, Task.Delay(LineInterval)) != replay)
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{title}: {elapsed.Elapsed.TotalSeconds:0} s, {Counts(run)}, {run.Done} of {run.Total} done"));
    }

    private static string Counts(ReplayRun run) => $"{run.InFlight} in flight, {run.Completed} completed, {run.Failed} failed";
}
