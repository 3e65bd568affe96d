using FleetRouter.LoadGen.Measures;
using FleetRouter.LoadGen.Reports;
using Spectre.Console;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>How one instance was emptied.</summary>
/// <param name="Instance">Which.</param>
/// <param name="Leases">Requests it had when it was told to.</param>
/// <param name="NoLeasesS">Stand-in seconds until the gateway had no request on it; null if not in time.</param>
/// <param name="EmptyS">Stand-in seconds until its engine had none either; null if not in time.</param>
internal sealed record Emptying(string Instance, int Leases, double? NoLeasesS, double? EmptyS);

/// <summary>What a part of the run kept of the promise.</summary>
/// <param name="FromS">Its start, seconds.</param>
/// <param name="ToS">Its end, seconds.</param>
/// <param name="Requests">Requests under way in it.</param>
/// <param name="ClientErrors">Of these, not answered whole and right.</param>
/// <param name="Attainment">Share answered as promised, per cent.</param>
internal sealed record WindowFigures(double FromS, double ToS, int Requests, int ClientErrors, double Attainment)
{
    public static WindowFigures Of(IReadOnlyList<RequestRecord> records, SteadyLoad load, TimeSpan from, TimeSpan to)
    {
        RequestRecord[] within = [.. records.Where(record => record.Scheduled < to && record.End > from && !record.Unfinished)];
        return new WindowFigures(Math.Round(from.TotalSeconds, 1), Math.Round(to.TotalSeconds, 1), within.Length, within.Count(record => !record.Completed),
            within.Length == 0 ? 100 : Math.Round(100.0 * within.Count(load.IsMet) / within.Length, 1));
    }
}

/// <summary>What draining one instance and restarting all of them in turn did to the clients.</summary>
internal sealed record DrainReport : IFindings
{
    /// <summary>Longest time an instance may take to empty itself, stand-in seconds.</summary>
    public const double EmptyBoundS = 10;

    /// <summary>Points of attainment that may be lost.</summary>
    public const double AttainmentBound = 5;

    public required ulong Seed { get; init; }
    public required double KneeRps { get; init; }
    public required double OfferedRps { get; init; }

    /// <summary>Stand-in seconds in a second of the wall clock; the rates are of stand-in time.</summary>
    public required double TimeScale { get; init; }

    /// <summary>How late requests were sent: where this is much, the machine is too busy for the figures to mean something. Wall time.</summary>
    public required double SenderLatenessP99Ms { get; init; }

    public required int ClientErrors { get; init; }
    public required IReadOnlyDictionary<string, int> ErrorsByKind { get; init; }
    public required WindowFigures Before { get; init; }
    public required WindowFigures DuringDrain { get; init; }
    public required WindowFigures DuringRollingRestart { get; init; }
    public required Emptying Drain { get; init; }
    public required IReadOnlyList<Emptying> RollingRestart { get; init; }
    public required int Resumes { get; init; }
    public required int Migrations { get; init; }

    public double DrainLossPoints => Before.Attainment - DuringDrain.Attainment;

    public double RollingLossPoints => Before.Attainment - DuringRollingRestart.Attainment;

    public double? SlowestEmptyS => RollingRestart.Append(Drain).Any(one => one.EmptyS is null) ? null : RollingRestart.Append(Drain).Max(one => one.EmptyS);

    public bool Holds => ClientErrors == 0 && SlowestEmptyS <= EmptyBoundS && DrainLossPoints < AttainmentBound && RollingLossPoints < AttainmentBound;

    public void Write()
    {
        var console = TableReport.Console();
        var table = new Table().Border(TableBorder.Rounded).AddColumn("").AddColumn(new TableColumn("found").RightAligned()).AddColumn(new TableColumn("bound").RightAligned());
        foreach (var (label, found, bound) in Rows()) table.AddRow(new Text(label), new Text(found), new Text(bound));
        console.Write(table);
        foreach (var (kind, count) in ErrorsByKind) console.Profile.Out.Writer.WriteLine($"client error: {count} x {kind}");
    }

    private IEnumerable<(string Label, string Found, string Bound)> Rows() =>
    [
        ("offered rate, simulated knee", FormattableString.Invariant($"{OfferedRps:0.00}/s, {KneeRps:0.00}/s"), ""),
        ("client errors", $"{ClientErrors}", "0"),
        ("one drained: empty", Text(Drain), FormattableString.Invariant($"{EmptyBoundS:0} s")),
        ("rolling restart: slowest to be empty", SlowestEmptyS is { } slowest ? FormattableString.Invariant($"{slowest:0.0} s") : "not in time", FormattableString.Invariant($"{EmptyBoundS:0} s")),
        ("attainment before", FormattableString.Invariant($"{Before.Attainment:0.0} % of {Before.Requests}"), ""),
        ("attainment while one is drained", FormattableString.Invariant($"{DuringDrain.Attainment:0.0} % of {DuringDrain.Requests}"), $"less than {AttainmentBound} points lower"),
        ("attainment in the rolling restart", FormattableString.Invariant($"{DuringRollingRestart.Attainment:0.0} % of {DuringRollingRestart.Requests}"), $"less than {AttainmentBound} points lower"),
        ("resumes / migrations", $"{Resumes} / {Migrations}", ""),
        ("requests sent late, p99", TableReport.Ms(SenderLatenessP99Ms), ""),
    ];

    private static string Text(Emptying one) => one.EmptyS is { } seconds
        ? FormattableString.Invariant($"{seconds:0.0} s, from {one.Leases} requests")
        : $"not in time, from {one.Leases} requests";
}
