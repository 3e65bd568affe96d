using FleetRouter.LoadGen.Reports;
using Spectre.Console;

namespace FleetRouter.LoadGen.Chaos.Cluster;

/// <summary>What killing gateways did to conversations. The names are the JSON's, in snake_case.</summary>
internal sealed record ClusterReport : IFindings
{
    /// <summary>Points of hit share that several gateways may cost.</summary>
    public const double HitSharePoints = 3;

    /// <summary>Longest time without a provisioner, seconds.</summary>
    public const double RoleBoundS = 5;

    /// <summary>Longest time without the pool: after a kill, after a freeze, and until a cluster that was killed whole serves again; seconds.</summary>
    public const double KillBoundS = 3, FreezeBoundS = 15, RestartBoundS = 20;

    public required string Host { get; init; }
    public required ulong Seed { get; init; }
    public required int Gateways { get; init; }
    public required double DurationS { get; init; }
    public required int Sessions { get; init; }
    public required int Turns { get; init; }
    public required int Kills { get; init; }

    /// <summary>Sessions whose next turn found no history.</summary>
    public required int LostSessions { get; init; }

    /// <summary>Answers told to be complete that cannot be had again, word for word, through every gateway.</summary>
    public required int LostStoredResponses { get; init; }

    /// <summary>Answers that are not the stand-in's to the whole conversation.</summary>
    public required int WrongAnswers { get; init; }

    /// <summary>Requests that failed, a client library's own retries over.</summary>
    public required int FailedRequests { get; init; }

    /// <summary>Of these, not under way through a gateway as it was killed.</summary>
    public required int FailedElsewhere { get; init; }

    /// <summary>Share of the prompts' tokens found in a cache, per cent.</summary>
    public required double HitShare { get; init; }

    /// <summary>The same of one gateway that nobody kills.</summary>
    public required double HitShareOfOne { get; init; }

    public required int RoleMoves { get; init; }
    public required int RoleHeldTwice { get; init; }
    public required double LongestWithoutRoleS { get; init; }

    /// <summary>The provisioner's turns in the database; those that overlap one before; and the longest time between two, seconds.</summary>
    public required int RoleTurns { get; init; }
    public required int RoleTurnsOverlapping { get; init; }
    public required double LongestBetweenTurnsS { get; init; }

    /// <summary>Longest time a gateway that ran did not reach the pool after another was killed, seconds; null where there is no cluster.</summary>
    public double? PoolBackAfterKillS { get; init; }

    /// <summary>The same after the gateway that ran the pool froze.</summary>
    public double? PoolBackAfterFreezeS { get; init; }

    /// <summary>Time from killing all gateways until all serve again, their silos under other addresses, seconds.</summary>
    public double? AllRestartedS { get; init; }

    /// <summary>Requests through gateways that ran which took longer than 250 ms to be placed.</summary>
    public int? LatePlacements { get; init; }

    /// <summary>Requests that took so long through gateways that had run for less than 3 s.</summary>
    public int? ColdPlacements { get; init; }

    /// <summary>Requests that gateways placed alone, since the pool did not answer.</summary>
    public int? PlacedAlone { get; init; }

    /// <summary>What a tenant may spend in a window, tokens; and in how many windows it asked for something.</summary>
    public required long BudgetTokens { get; init; }
    public required int BudgetWindows { get; init; }

    /// <summary>Tokens of prompts and answers it got through all gateways together, in all windows; and in the window that had most.</summary>
    public required long BudgetSpentTokens { get; init; }
    public required long BudgetFullestWindowTokens { get; init; }

    /// <summary>Requests of it refused with 429 since the budget was used up; and answers that broke off, of which what came is counted.</summary>
    public required int BudgetRefused { get; init; }
    public required int BudgetCut { get; init; }

    /// <summary>Tokens by which the budget of any windows was exceeded.</summary>
    public required long BudgetOverspentTokens { get; init; }

    /// <summary>Events in the pools' journals after each of which a pool's load was set beside the sum over its gateways.</summary>
    public required long LoadEntries { get; init; }

    /// <summary>Of these, those after which the two differed.</summary>
    public required long LoadMismatches { get; init; }

    /// <summary>Journals that differ there, do not replay to the decisions recorded, or have gaps.</summary>
    public required int JournalTroubles { get; init; }

    /// <summary>The first of what went wrong.</summary>
    public required IReadOnlyList<string> Details { get; init; }

    public bool Holds => LostSessions == 0 && LostStoredResponses == 0 && WrongAnswers == 0 && FailedElsewhere == 0 && Turns > 0
        && HitShare >= HitShareOfOne - HitSharePoints && RoleHeldTwice == 0 && LongestWithoutRoleS <= RoleBoundS
        && RoleTurns > 0 && RoleTurnsOverlapping == 0 && LongestBetweenTurnsS <= RoleBoundS
        && BudgetOverspentTokens == 0 && BudgetRefused > 0 && BudgetFullestWindowTokens >= BudgetTokens / 2 && LoadMismatches == 0 && JournalTroubles == 0 && LoadEntries > 0
        && !(PoolBackAfterKillS > KillBoundS || PoolBackAfterFreezeS > FreezeBoundS || AllRestartedS > RestartBoundS || LatePlacements > 0);

    public void Write()
    {
        var console = TableReport.Console();
        var table = new Table().Border(TableBorder.Rounded).AddColumn("").AddColumn(new TableColumn("found").RightAligned()).AddColumn(new TableColumn("bound").RightAligned());
        foreach (var (label, found, bound) in Rows()) table.AddRow(new Text(label), new Text(found), new Text(bound));
        console.Write(table);
        foreach (var detail in Details) console.Profile.Out.Writer.WriteLine(detail);
    }

    private IEnumerable<(string Label, string Found, string Bound)> Rows() =>
    [
        ("gateways, kills", $"{Gateways}, {Kills}", ""),
        ("sessions, turns answered", $"{Sessions}, {Turns}", ""),
        ("lost sessions", $"{LostSessions}", "0"),
        ("lost stored responses", $"{LostStoredResponses}", "0"),
        ("wrong answers", $"{WrongAnswers}", "0"),
        ("failed requests, of them not through the killed one", $"{FailedRequests}, {FailedElsewhere}", "any, 0"),
        ("hit share", FormattableString.Invariant($"{HitShare:0.0} %"), FormattableString.Invariant($"{HitShareOfOne - HitSharePoints:0.0} % = one gateway's {HitShareOfOne:0.0} - {HitSharePoints:0}")),
        ("provisioner: moves, held twice", $"{RoleMoves}, {RoleHeldTwice}", "any, 0"),
        ("longest without a provisioner", FormattableString.Invariant($"{LongestWithoutRoleS:0.0} s"), FormattableString.Invariant($"{RoleBoundS:0} s")),
        ("its turns as written, overlapping, between two", FormattableString.Invariant($"{RoleTurns}, {RoleTurnsOverlapping}, {LongestBetweenTurnsS:0.0} s"), FormattableString.Invariant($"> 0, 0, {RoleBoundS:0} s")),
        .. AllRestartedS is null ? [] : new (string, string, string)[]
        {
            ("longest without the pool: after a kill, a freeze", FormattableString.Invariant($"{PoolBackAfterKillS:0.0} s, {PoolBackAfterFreezeS:0.0} s"), FormattableString.Invariant($"{KillBoundS:0} s, {FreezeBoundS:0} s")),
            ("requests placed without it", $"{PlacedAlone}", "any"),
            ("requests placed after 250 ms; by a process just started", $"{LatePlacements}; {ColdPlacements}", "0; any"),
            ("all killed, at other addresses: serve again after", FormattableString.Invariant($"{AllRestartedS:0.0} s"), FormattableString.Invariant($"{RestartBoundS:0} s")),
        },
        ("a tenant's budget: fullest window, requests refused", $"{BudgetFullestWindowTokens} of {BudgetTokens} tokens, {BudgetRefused}", "half at least, > 0"),
        ("budget overspent, tokens", $"{BudgetOverspentTokens}", "0"),
        ("journaled events, of them with another load", $"{LoadEntries}, {LoadMismatches}", "> 0, 0"),
        ("duration", FormattableString.Invariant($"{DurationS:0.0} s, seed {Seed}"), ""),
    ];
}
