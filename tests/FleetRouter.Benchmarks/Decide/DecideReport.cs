using System.Text.Json;
using Spectre.Console;

namespace FleetRouter.Benchmarks.Decide;

/// <summary>One fleet under one policy: microseconds of a decision, and bytes allocated for a request in all events of its life.</summary>
internal sealed record DecideFigures(
    string Policy, int Instances, int Decisions, double P50Us, double P90Us, double P99Us, double MaxUs,
    double BytesPerDecision, double EndP50Us, double EndP99Us, int LiveLeases, long Held)
{
    public static DecideFigures Of(LoadedPool pool)
    {
        double[] took = [.. pool.ArrivalMicroseconds.Order()], ends = [.. pool.EndMicroseconds.Order()];
        return new DecideFigures(pool.Policy, pool.Instances, took.Length, Share(took, 0.5), Share(took, 0.9), Share(took, 0.99), took[^1],
            (double)pool.AllocatedBytes / took.Length, Share(ends, 0.5), Share(ends, 0.99), pool.Live, pool.HeldArrivals);
    }

    private static double Share(double[] sorted, double share) =>
        sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)(share * sorted.Length))];
}

/// <summary>A limit and what was measured against it.</summary>
internal sealed record DecideCheck(string What, double Measured, double Limit, string Unit)
{
    public bool Holds => Measured <= Limit;
}

/// <summary>The figures of all fleets, as a table for people and as JSON, and whether the limits hold.</summary>
internal sealed record DecideReport(string Prompts, double MeanPromptTokens, double ClockUs, IReadOnlyList<DecideFigures> Figures)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    public IReadOnlyList<DecideCheck> Checks =>
    [
        new("p99 of least-cost at 64 instances", LeastCost(64).P99Us, 20, "µs"),
        new("p99 of least-cost at 1,000 instances", LeastCost(1_000).P99Us, 60, "µs"),
        new("bytes of least-cost at 1,000 instances to those at 8", LeastCost(1_000).BytesPerDecision / LeastCost(8).BytesPerDecision, 1.1, "times"),
    ];

    public bool Holds => Checks.All(c => c.Holds);

    public void Print(IAnsiConsole console)
    {
        var table = new Table().Border(TableBorder.Simple);
        table.AddColumn("policy");
        foreach (string column in new[] { "instances", "p50 µs", "p90 µs", "p99 µs", "max µs", "bytes", "end p50 µs", "end p99 µs", "leases", "held" })
            table.AddColumn(new TableColumn(column).RightAligned());
        foreach (DecideFigures f in Figures)
            table.AddRow(f.Policy, $"{f.Instances:N0}", $"{f.P50Us:F2}", $"{f.P90Us:F2}", $"{f.P99Us:F2}", $"{f.MaxUs:F0}", $"{f.BytesPerDecision:N0}",
                $"{f.EndP50Us:F2}", $"{f.EndP99Us:F2}", $"{f.LiveLeases:N0}", $"{f.Held:N0}");
        console.Profile.Width = Math.Max(console.Profile.Width, 130);   // whole rows, in a pipe too
        console.Write(table);
        console.WriteLine($"{Figures[0].Decisions:N0} decisions a row, sizes and policies in turns. Prompts: {Prompts}; mean {MeanPromptTokens:N0} tokens.");
        console.WriteLine($"Whole decision: index look-ups, choice, record, lease, index update; garbage collection included. Bytes: of all events of a request. Each time includes the clock's own {ClockUs:F3} µs.");
        foreach (DecideCheck check in Checks)
            console.WriteLine($"{(check.Holds ? "holds " : "BROKEN")}  {check.What}: {check.Measured:F2} {check.Unit}, at most {check.Limit:F1}");
    }

    public void Write(FileInfo file) => File.WriteAllText(file.FullName, JsonSerializer.Serialize(this, Json) + "\n");

    private DecideFigures LeastCost(int instances) => Figures.Single(f => f.Policy == "least-cost" && f.Instances == instances);
}
