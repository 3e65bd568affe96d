using System.CommandLine;
using FleetRouter.LoadGen.Client;
using FleetRouter.LoadGen.Demo;
using FleetRouter.LoadGen.Reports;
using Spectre.Console;

namespace FleetRouter.LoadGen.Chaos.Cluster;

/// <summary>The chaos database verb: the database goes away for a while under load.</summary>
internal static class DatabaseCommand
{
    private sealed record Settings(int Gateways, int Users, TimeSpan Away, ulong Seed, bool NoProgress);

    /// <summary>Users talk for so long before the database goes, and after it is back.</summary>
    private static readonly TimeSpan Around = TimeSpan.FromSeconds(10);

    public static Command Create()
    {
        var gateways = OptionKinds.UpTo(16, "--gateways", "Gateways; a session stays with one of them.", 2);
        var users = OptionKinds.UpTo(1000, "--users", "Users who talk at once, each in one session after the other.", 24);
        var away = OptionKinds.Positive("--away", "How long the database is away, seconds.", 60);
        var seed = OptionKinds.SeedOf("the conversations");
        var json = OptionKinds.JsonFile();
        var noProgress = OptionKinds.WithoutProgress();
        var command = new Command("database", """
            Have users talk by /v1/responses to gateways that share a PostgreSQL database, stop the database as a crash would, and start it
            again. Exit code 0 only if no request failed, every answer was the stand-in's to the whole conversation, and every answer that
            was told to be complete can be had through every gateway in the end.
            Needs PostgreSQL's server (Debian: postgresql).
            """)
        {
            gateways, users, away, seed, json, noProgress,
        };
        command.SetAction((parsed, _) => Run(new Settings(
            parsed.GetValue(gateways), parsed.GetValue(users), TimeSpan.FromSeconds(parsed.GetValue(away)), parsed.GetValue(seed), parsed.GetValue(noProgress)), parsed.GetValue(json)));
        return command;
    }

    private static Task<int> Run(Settings settings, string? json) =>
        ChaosCommand.Judge(json, stop => Measure(settings, stop));

    private static async Task<DatabaseReport> Measure(Settings settings, CancellationToken stop)
    {
        await using var fleet = await ClusterFleet.Start(settings.Gateways, new StandIns(4, "h100-llama-3.1-8b", null, Seed: settings.Seed), stop);
        var clock = new RunClock(TimeProvider.System);
        using var load = new ConversationLoad(fleet.Gateways, fleet.Model, settings.Seed, settings.Users, clock, stays: true);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var talking = load.Run(enough.Token, stop);
        await Task.Delay(Around, stop);
        await fleet.StopDatabase();
        var (goneAt, before) = (clock.Now, load.Turns);
        if (!settings.NoProgress) Console.Error.WriteLine($"the database is away; {before} turns so far");
        await Task.Delay(settings.Away, stop);
        var meanwhile = load.Turns - before;
        await fleet.BeginDatabase(stop);
        if (!settings.NoProgress) Console.Error.WriteLine($"it is back; {meanwhile} turns meanwhile");
        var away = clock.Now - goneAt;
        await Task.Delay(Around, stop);
        await enough.CancelAsync();
        await talking;
        return new DatabaseReport
        {
            Seed = settings.Seed, AwayS = Math.Round(away.TotalSeconds, 1), Turns = load.Turns, TurnsWhileAway = meanwhile, FailedRequests = load.Failed.Count,
            LostStoredResponses = await load.Lost(stop), WrongAnswers = load.WrongAnswers.Count,
            Details = [.. load.Failed.Select(call => $"{call.From.TotalSeconds:0.0} to {call.To.TotalSeconds:0.0} s: {call.Trouble}").Concat(load.WrongAnswers).Take(8)],
        };
    }
}

/// <summary>What losing the database for a while did. The names are the JSON's, in snake_case.</summary>
internal sealed record DatabaseReport : IFindings
{
    public required ulong Seed { get; init; }
    public required double AwayS { get; init; }
    public required int Turns { get; init; }
    public required int TurnsWhileAway { get; init; }
    public required int FailedRequests { get; init; }

    /// <summary>Answers told to be complete that cannot be had, word for word, through every gateway in the end.</summary>
    public required int LostStoredResponses { get; init; }

    /// <summary>Answers that are not the stand-in's to the whole conversation.</summary>
    public required int WrongAnswers { get; init; }

    /// <summary>The first of what went wrong.</summary>
    public required IReadOnlyList<string> Details { get; init; }

    public bool Holds => FailedRequests == 0 && LostStoredResponses == 0 && WrongAnswers == 0 && TurnsWhileAway > 0;

    public void Write()
    {
        var console = TableReport.Console();
        var table = new Table().Border(TableBorder.Rounded).AddColumn("").AddColumn(new TableColumn("found").RightAligned()).AddColumn(new TableColumn("bound").RightAligned());
        table.AddRow("database away", FormattableString.Invariant($"{AwayS:0.0} s"), "");
        table.AddRow("turns answered, of them meanwhile", $"{Turns}, {TurnsWhileAway}", "any, > 0");
        table.AddRow("failed requests", $"{FailedRequests}", "0");
        table.AddRow("lost stored responses", $"{LostStoredResponses}", "0");
        table.AddRow("wrong answers", $"{WrongAnswers}", "0");
        console.Write(table);
        foreach (var detail in Details) console.Profile.Out.Writer.WriteLine(detail);
    }
}
