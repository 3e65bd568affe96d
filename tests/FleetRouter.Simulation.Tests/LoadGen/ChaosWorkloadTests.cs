using FleetRouter.EngineSim;
using FleetRouter.LoadGen.Chaos;
using FleetRouter.LoadGen.Client;
using FleetRouter.LoadGen.Measures;

namespace FleetRouter.Simulation.Tests.LoadGen;

public class ChaosWorkloadTests
{
    private const ulong Seed = 11;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_stand_in_without_faults_answers_every_request_as_expected()
    {
        await using var engines = await EngineFleet.StartAsync(new EngineSimOptions { Seed = Seed, TimeScale = 50 });
        var workload = new ChaosWorkload("sim/llama-3.1-8b", Seed);
        using var client = new ChaosClient(engines.Addresses[0], Bound, new GapHistogram(), new RunClock(TimeProvider.System));
        var verdicts = await Task.WhenAll(Enumerable.Range(100, 120).Select(number => client.Send(workload.Request(number), default)));
        Assert.All(verdicts, verdict => Assert.True(verdict.IsRight, verdict.Detail(Seed)));
        Assert.Equal(Enum.GetValues<RequestKind>().Order(), verdicts.Select(verdict => verdict.Request.Kind).Distinct().Order());
        Assert.Contains(verdicts, verdict => verdict.Cancelled);
        await engines.Instances[0].WhenIdleAsync().WaitAsync(Bound);
    }

    [Fact]
    public void The_same_seed_and_number_make_the_same_request()
    {
        var (one, other) = (new ChaosWorkload("m", Seed).Request(7), new ChaosWorkload("m", Seed).Request(7));
        Assert.Equal(one.Body, other.Body);
        Assert.Equal(one.Expected.Tokens, other.Expected.Tokens);
        Assert.NotEqual(one.Body, new ChaosWorkload("m", Seed + 1).Request(7).Body);
    }

    [Fact]
    public void Faults_are_aimed_at_the_token_where_a_row_of_answers_ends()
    {
        var row = Enumerable.Range(3 * ChaosWorkload.Row, ChaosWorkload.Row).Select(new ChaosWorkload("m", Seed).Request).ToList();
        var ends = row.Where(request => request.Kind == RequestKind.MaxTokens).Select(request => request.Expected.Tokens.Length).Distinct();
        var end = Assert.Single(ends);
        Assert.All(row, request => Assert.InRange(request.Aim!.Value, end - 1, end + 1));
    }

    [Fact]
    public void Quantiles_are_read_from_a_histogram()
    {
        var metrics = MetricsReading.Of("""
            # TYPE gap histogram
            gap_bucket{pool="a",reason="broke",le="0.1"} 50
            gap_bucket{pool="a",reason="broke",le="0.2"} 100
            gap_bucket{pool="a",reason="broke",le="+Inf"} 100
            gap_bucket{pool="a",reason="stalled",le="0.1"} 0
            gap_bucket{pool="a",reason="stalled",le="0.2"} 0
            gap_bucket{pool="a",reason="stalled",le="+Inf"} 7
            resumes_total{pool="a",reason="broke"} 3
            resumes_total{pool="b",reason="stalled"} 4
            """);
        Assert.Equal(0.15, metrics.Quantile("gap", 0.75, "reason", reason => reason == "broke")!.Value, 6);
        Assert.Equal(0.2, metrics.Quantile("gap", 0.5, "reason", reason => reason == "stalled"));
        Assert.Null(metrics.Quantile("gap", 0.5, "reason", reason => reason == "moved"));
        Assert.Equal(7, metrics.Sum("resumes_total"));
        Assert.Equal(4, metrics.SumBy("resumes_total", "reason")["stalled"]);
    }
}
