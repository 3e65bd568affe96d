using FleetRouter.Simulation.Claims;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Tests.Claims;

public class ExperimentTests
{
    private static readonly IReadOnlyList<TraceSession> Sessions = [.. new ConversationWorkload
    {
        Seed = 3, Sessions = 30, SessionRate = 1, UserTokens = new LogNormalLength(2_000, 0.5, 200, 5_000), MostPromptTokens = 18_000, MeanThinkTime = TimeSpan.FromSeconds(1),
    }.Generate()];

    public static TheoryData<string> Names => [.. PublishedClaims.All.Select(plan => plan.Name)];

    private static Experiment Make(string name, int requests = 60) =>
        PublishedClaims.All.Single(plan => plan.Name == name).Make(Sessions, requests, 1);

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_experiment_runs_every_policy_at_every_rate_and_answers_every_request(string name)
    {
        Experiment experiment = Make(name);
        ExperimentReport report = experiment.Run(null, TestContext.Current.CancellationToken);
        Assert.Equal(name, report.Name);
        Assert.Equal(60, experiment.Cell.Workload.All.Count);
        Assert.NotEmpty(report.Figures);
        var rates = report.Runs.Select(run => run.Rate).Distinct().ToList();
        Assert.Equal(rates.Order(), rates);
        Assert.Equal(
            from rate in rates from entrant in experiment.Entrants select (entrant.Name, rate),
            report.Runs.Select(run => (run.Entrant, run.Rate)));
        Assert.All(report.Runs, run =>
        {
            Assert.Equal(0, run.Unanswered);
            Assert.InRange(run.InTimeShare, 0, 1);
            Assert.InRange(run.HitShare, 0, 1);
            Assert.True(run.MeanTtft > 0 && run.MeanLatency >= run.MeanTtft && run.LatencyP99 >= run.MeanLatency, run.ToString());
        });
        Assert.All(report.Figures, figure => Assert.True(double.IsFinite(figure.Best) && double.IsFinite(figure.RatioToPublished), figure.ToString()));
        Assert.All(report.Figures, figure => Assert.True(figure.Differs || figure.Why is null, figure.ToString()));
    }

    [Fact]
    public void The_same_seed_finds_the_same_figures()
    {
        Experiment experiment = Make("LMetric and SMetric, coding agents");
        ExperimentReport first = experiment.Run(null, TestContext.Current.CancellationToken), second = experiment.Run(null, TestContext.Current.CancellationToken);
        Assert.Equal(first.Runs, second.Runs);
        Assert.Equal(first.Figures, second.Figures);
    }

    [Fact]
    public void DualMaps_engines_take_the_published_time_for_a_prompt_token_and_its_budget_is_what_they_compute_in_5_s()
    {
        Experiment experiment = Make("DualMap, conversation");
        int mean = (int)experiment.Cell.Workload.All.Average(request => request.PromptTokens);
        Assert.Equal(0.16, experiment.Cell.Profile.IdlePrefill(0, mean).TotalMilliseconds / mean, 0.01);
        Assert.Equal(64e9 / 57_344, experiment.Cell.KvTokens, 16d);
        Assert.Contains(experiment.Entrants, entrant => entrant is { Policy: "dual-map:budget=31250", Rebalances: true });
    }

    [Fact]
    public void Without_decoding_answers_have_one_token() =>
        Assert.All(Make("DualMap, conversation, prefill alone").Cell.Workload.All, request => Assert.Equal(1, request.ForEngine.OutputTokens));
}
