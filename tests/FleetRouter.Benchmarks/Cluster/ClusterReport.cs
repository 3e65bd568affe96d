using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using FleetRouter.Benchmarks.Overhead;

namespace FleetRouter.Benchmarks.Cluster;

/// <summary>All figures of a run, and whether the claim holds.</summary>
internal sealed record ClusterReport(
    string Prompts, double MeanPromptTokens, double Rate, double WindowSeconds, int Rounds, int Cores, IReadOnlyList<GatewayFigures> Figures, IReadOnlyList<CellCost> Costs)
{
    /// <summary>Microseconds within which 99 of 100 decisions of a pool on another silo are to be there.</summary>
    public const double Bound = 1_000;

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The median of the rounds' p99 at the fixed rate, where one gateway asks another's silo, and where both gateways ask.</summary>
    public IReadOnlyList<Reach> Reach =>
    [
        .. Figures.Where(f => f is { Gateway: ClusterRun.Remote, Loop: ClusterRun.Open })
            .Select(f => new Reach($"p99 of a remote decision at {Rate:N0}/s, µs (cell {f.Cell})", f.P99Us.Median, Bound, f.P99Us.Median < Bound)),
    ];

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    public void Print(TextWriter to)
    {
        foreach (string loop in (string[])[ClusterRun.Open, ClusterRun.Closed])
        {
            to.WriteLine();
            to.WriteLine(loop == ClusterRun.Open ? $"open loop, {Rate:N0} decisions/s in all, Poisson; µs from the instant a request was due" : "closed loop, 64 callers in all");
            to.WriteLine($"  {"cell",-9}{"gateway",-9}{"per s",10}{"p50 µs",9}{"p99 µs",9} {"(min-max)",-14}{"p99.9 µs",9}{"late p99",9}{"fallback",9}{"refused",8}{"CPU µs",8}{"bytes",9}");
            foreach (GatewayFigures f in Figures.Where(f => f.Loop == loop))
            {
                CellCost cost = Costs.Single(c => c.Cell == f.Cell && c.Loop == loop);
                to.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"  {f.Cell,-9}{f.Gateway,-9}{f.PerSecond.Median,10:N0}{f.P50Us.Median,9:F0}{f.P99Us.Median,9:F0} {$"({f.P99Us.Min:F0}-{f.P99Us.Max:F0})",-14}{f.P999Us.Median,9:F0}{f.LateP99Us.Median,9:F0}{f.Fallbacks,9:N0}{f.Refused,8:N0}{cost.CpuUsPerDecision.Median,8:F0}{cost.BytesPerDecision.Median,9:N0}"));
            }
        }
        to.WriteLine();
        double[] foreign = [.. Costs.Select(c => c.ForeignCpuShare.Median).Order()];
        to.WriteLine($"{Rounds} rounds of {WindowSeconds:0.#} s windows, medians; two processes on {Cores} cores. Other programs took {foreign[foreign.Length / 2]:P0} of two cores, {foreign[^1]:P0} in the noisiest cell.");
        to.WriteLine($"Prompts: {Prompts}; mean {MeanPromptTokens:N0} tokens. {BenchFleet.Engines} engines, least-cost. Times hold the generator's own lateness (late p99).");
        to.WriteLine("CPU and bytes are those of a decision with the first token and the end told, in both processes. What was placed by fallback, or refused, counts as slower than all else.");
        if (Figures.First(f => f is { Cell: ClusterRun.Embedded, Loop: ClusterRun.Open }) is { P99Us.Median: >= Bound } mailbox)
            to.WriteLine($"This run cannot tell: even the mailbox needed {mailbox.P99Us.Median:F0} µs, of which the generator was late by {mailbox.LateP99Us.Median:F0}. The machine is too busy, or the rate too high for it.");
        foreach (Reach r in Reach)
            to.WriteLine($"{(r.Holds ? "holds " : "FAILS ")} {r.Name}: {r.Figure.ToString("F0", CultureInfo.InvariantCulture)} (under {r.Bound.ToString("F0", CultureInfo.InvariantCulture)})");
    }
}
