using FleetRouter.LoadGen.Reports;
using Spectre.Console;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>What dying, flapping and absent instances did.</summary>
internal sealed record OutageReport : IFindings
{
    /// <summary>Longest time in which a fleet without instances must refuse, milliseconds.</summary>
    public const double RefusalBoundMs = 1000;

    public required ulong Seed { get; init; }

    /// <summary>Requests judged while an instance died and another flapped.</summary>
    public required int Requests { get; init; }

    /// <summary>Of these, not answered whole and right.</summary>
    public required int ClientErrors { get; init; }

    /// <summary>Requests newly sent to the dead instance before it was out of rotation.</summary>
    public required int DispatchesBeforeOut { get; init; }

    /// <summary>Requests sent to it from then on until it answered its probes again.</summary>
    public required int DispatchesWhileOut { get; init; }

    /// <summary>From its death until it was out of rotation; null if it never was.</summary>
    public required double? OutAfterMs { get; init; }

    /// <summary>Whether it took work again after its return.</summary>
    public required bool DeadReturned { get; init; }

    /// <summary>Times the flapping instance went down.</summary>
    public required int Flaps { get; init; }

    /// <summary>Times it was taken back while it still flapped.</summary>
    public required int BackWhileFlapping { get; init; }

    /// <summary>Requests sent to it from when it was out for the second time until it flapped no more.</summary>
    public required int DispatchesWhileFlapping { get; init; }

    /// <summary>Answers to requests sent while every engine was dead: how many were 503.</summary>
    public required int Refusals { get; init; }

    /// <summary>How many were sent.</summary>
    public required int AskedWithoutInstances { get; init; }

    /// <summary>The slowest of these answers.</summary>
    public required double SlowestRefusalMs { get; init; }

    /// <summary>From the engines' return to the first whole answer, seconds; null if none came in time.</summary>
    public required double? ServedAgainAfterS { get; init; }

    /// <summary>The first requests that were not right, in full.</summary>
    public required IReadOnlyList<string> NotRight { get; init; }

    /// <summary>One failure may be bad luck; from the second on an instance has to prove itself for longer than it flaps.</summary>
    private const int MostBack = 1;

    public bool Holds => ClientErrors == 0 && OutAfterMs is not null && DispatchesBeforeOut <= 1 && DispatchesWhileOut == 0 && DeadReturned && BackWhileFlapping <= MostBack && DispatchesWhileFlapping == 0
        && Refusals == AskedWithoutInstances && SlowestRefusalMs < RefusalBoundMs && ServedAgainAfterS is not null;

    public void Write()
    {
        var console = TableReport.Console();
        var table = new Table().Border(TableBorder.Rounded).AddColumn(new TableColumn("").NoWrap()).AddColumn(new TableColumn("found").RightAligned()).AddColumn(new TableColumn("bound").RightAligned());
        foreach (var (label, found, bound) in Rows()) table.AddRow(new Text(label), new Text(found), new Text(bound));
        console.Write(table);
        foreach (var detail in NotRight) console.Profile.Out.Writer.WriteLine(detail);
    }

    private IEnumerable<(string Label, string Found, string Bound)> Rows() =>
    [
        ("one dies, one flaps: requests / client errors", $"{Requests} / {ClientErrors}", "0 errors"),
        ("the dead one is out of rotation after", TableReport.Ms(OutAfterMs), ""),
        ("requests sent to it before it was out / while it was", $"{DispatchesBeforeOut} / {DispatchesWhileOut}", "1 / 0"),
        ("it takes work again", DeadReturned ? "yes" : "no", "yes"),
        ("the flapping one: falls / taken back meanwhile", $"{Flaps} / {BackWhileFlapping}", $"at most {MostBack} back"),
        ("requests sent to it once it was out for the second time", $"{DispatchesWhileFlapping}", "0"),
        ("all dead: answers of 503 / asked", $"{Refusals} / {AskedWithoutInstances}", "all"),
        ("slowest of them", TableReport.Ms(SlowestRefusalMs), TableReport.Ms(RefusalBoundMs)),
        ("served again after the engines' return", ServedAgainAfterS is { } seconds ? FormattableString.Invariant($"{seconds:0.0} s") : "not in time", "without a restart"),
    ];
}
