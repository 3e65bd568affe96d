using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Text;
using FleetRouter.Simulation.Validation;

namespace FleetRouter.Simulation.Tests.Engine;

/// <summary>The engine model beside the published figures, each with its tolerance.</summary>
public class StepTimeTests
{
    public static TheoryData<string> Figures => [.. PublishedFigures.All.Select(figure => figure.ToString())];

    [Theory]
    [MemberData(nameof(Figures))]
    public void The_engine_model_gives_what_was_published(string name)
    {
        PublishedFigure figure = PublishedFigures.All.First(figure => figure.ToString() == name);
        Assert.True(figure.Holds,
            $"{name}: published {figure.Least:0.###} to {figure.Most:0.###}, predicted {figure.Predicted:0.###}, off by {100 * figure.Deviation:+0.0;-0.0} %, allowed {100 * figure.Tolerance:0.##} %");
    }

    [Fact]
    public void Every_figure_has_a_name_of_its_own_and_a_reason_where_much_is_allowed()
    {
        Assert.Equal(PublishedFigures.All.Count, PublishedFigures.All.Select(figure => figure.ToString()).Distinct().Count());
        Assert.DoesNotContain(PublishedFigures.All, figure => figure.Tolerance > PublishedFigures.Aim != figure.Why is not null);
    }

    [Fact]
    public void A_range_is_kept_anywhere_within_it()
    {
        PublishedFigure within = PublishedFigures.All.First(figure => figure.Least < figure.Predicted && figure.Predicted < figure.Most);
        Assert.Equal(0, within.Deviation);
        Assert.Equal(-0.5, (within with { Least = 2 * within.Predicted, Most = 3 * within.Predicted }).Deviation, 9);
        Assert.False((within with { Least = 0.1 * within.Predicted, Most = 0.5 * within.Predicted }).Holds);
    }

    /// <summary>What the published prefill rates are held against is what an engine does, but for its clock's tenth of a microsecond a step.</summary>
    [Theory]
    [InlineData("h100-llama-3.1-8b", 20_000)]
    [InlineData("a100-llama-3.1-8b", 5_000)]
    public void An_idle_engine_prefills_a_prompt_in_the_time_its_steps_add_up_to(string name, int promptTokens)
    {
        var engine = new EngineModel(EngineProfile.Named(name) with { ApiDelay = TimeSpan.Zero });
        var prompt = new uint[promptTokens];
        engine.Submit(EngineRequest.Of(1, prompt, 1, SyntheticAnswer.To(prompt)), TimeSpan.Zero);
        var end = engine.RunUntilIdle(TimeSpan.Zero, []);
        Assert.Equal(engine.Profile.IdlePrefill(0, promptTokens).TotalSeconds, end.TotalSeconds, 5);
    }
}
