using FleetRouter.EngineSim.Driving;
using FleetRouter.Simulation.Engine;

namespace FleetRouter.EngineSim.Metrics;

/// <summary>
/// What vLLM counts beside the scheduler's own numbers. Times are those of the wall clock, as an observer outside sees
/// them. Called with the engine's lock held.
/// </summary>
internal sealed class EngineMetrics(EngineModel model, EngineSimOptions options)
{
    private readonly double _scale = options.TimeScale;

    public DateTimeOffset Created { get; } = options.Time.GetUtcNow();

    public Histogram FirstToken { get; } = Histogram.OfFirstTokens();
    public Histogram TokenGap { get; } = Histogram.OfTokenGaps();
    public Histogram TimePerToken { get; } = Histogram.OfTokenGaps();
    public Histogram EndToEnd { get; } = Histogram.OfRequests();
    public Histogram Queue { get; } = Histogram.OfRequests();
    public Histogram Inference { get; } = Histogram.OfRequests();
    public Histogram Prefill { get; } = Histogram.OfRequests();
    public Histogram Decode { get; } = Histogram.OfRequests();
    public Histogram PromptTokens { get; } = Histogram.OfLengths(model.MaxModelLength);
    public Histogram PrefillComputed { get; } = Histogram.OfLengths(model.MaxModelLength);
    public Histogram GeneratedTokens { get; } = Histogram.OfLengths(model.MaxModelLength);
    public Histogram MaxGeneratedTokens { get; } = Histogram.OfLengths(model.MaxModelLength);
    public Histogram ParamsMaxTokens { get; } = Histogram.OfLengths(model.MaxModelLength);
    public Histogram ParamsN { get; } = new(1, 2, 5, 10, 20);
    public Histogram StepTokens { get; } = new(1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384);

    /// <summary>Finished requests by reason.</summary>
    public SortedDictionary<string, long> Successes { get; } = new(StringComparer.Ordinal)
    {
        ["stop"] = 0, ["length"] = 0, ["abort"] = 0, ["error"] = 0, ["repetition"] = 0,
    };

    /// <summary>Refused requests by cap.</summary>
    public SortedDictionary<string, long> Rejections { get; } = new(StringComparer.Ordinal) { ["max_queued_requests"] = 0, ["max_queued_tokens"] = 0 };

    public void OnSubmitted(Admission admission)
    {
        if (admission == Admission.TooManyRequests)
            Rejections["max_queued_requests"]++;
        else if (admission == Admission.TooManyTokens)
            Rejections["max_queued_tokens"]++;
    }

    public void OnAborted() => Successes["abort"]++;

    public void OnStep(in StepPlan plan)
    {
        if (!plan.IsIdle)
            StepTokens.Observe(plan.Tokens);
    }

    public void OnEvent(in EngineEvent happened)
    {
        switch (happened.Kind)
        {
            case EngineEventKind.FirstToken:
                FirstToken.Observe(happened.Interval.TotalSeconds / _scale);
                break;
            case EngineEventKind.Token:
                TokenGap.Observe(happened.Interval.TotalSeconds / _scale);
                break;
            case EngineEventKind.Finished:
                OnFinished(happened.Request, happened.OutputTokens, happened.Times);
                break;
        }
    }

    private void OnFinished(EngineRequest request, int tokens, RequestTimes times)
    {
        var answer = ((Generation)request.Owner!).Answer;
        Successes[answer.FinishReason == "length" ? "length" : "stop"]++;
        EndToEnd.Observe(Wall(times.LastToken - times.Arrived));
        Queue.Observe(Wall(times.FirstScheduled - times.Arrived));
        Prefill.Observe(Wall(times.FirstToken - times.FirstScheduled));
        Decode.Observe(Wall(times.LastToken - times.FirstToken));
        Inference.Observe(Wall(times.LastToken - times.FirstScheduled));
        TimePerToken.Observe(tokens > 1 ? Wall(times.LastToken - times.FirstToken) / (tokens - 1) : 0);
        PromptTokens.Observe(request.PromptTokens);
        PrefillComputed.Observe(request.PromptTokens - times.CachedTokens);
        GeneratedTokens.Observe(tokens);
        MaxGeneratedTokens.Observe(tokens);
        if (answer.MaxTokens is { } maxTokens)
            ParamsMaxTokens.Observe(maxTokens);
        ParamsN.Observe(1);
    }

    private double Wall(TimeSpan span) => span.TotalSeconds / _scale;
}
