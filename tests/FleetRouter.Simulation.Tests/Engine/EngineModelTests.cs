using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Text;
using static FleetRouter.Simulation.Tests.Engine.EngineRuns;

namespace FleetRouter.Simulation.Tests.Engine;

public class EngineModelTests
{
    private static readonly EngineProfile Profile = EngineProfile.Named("h100-llama-3.1-8b");

    private readonly List<EngineEvent> _events = [];

    [Fact]
    public void A_request_waits_for_the_api_then_prefills_then_decodes()
    {
        var engine = new EngineModel(Profile);
        engine.Submit(Request(1, Prompt(100, 1), 3), TimeSpan.Zero);
        var now = TimeSpan.Zero;

        var wait = engine.Step(ref now, _events);
        Assert.True(wait!.Value.IsIdle);
        Assert.Equal(Profile.ApiDelay, now);

        var prefill = engine.Step(ref now, _events)!.Value;
        Assert.Equal((100, 0), (prefill.Load.PrefillTokens, prefill.Load.DecodeTokens));
        var decode = engine.Step(ref now, _events)!.Value;
        Assert.Equal((0, 1, 101L), (decode.Load.PrefillTokens, decode.Load.DecodeTokens, decode.Load.DecodeContext));
        engine.RunUntilIdle(now, _events);

        Assert.Equal(
            [EngineEventKind.FirstToken, EngineEventKind.Token, EngineEventKind.Token, EngineEventKind.Finished],
            _events.Select(happened => happened.Kind));
        Assert.Equal([1, 2, 3, 3], _events.Select(happened => happened.OutputTokens));
        Assert.Equal(0, engine.UsedBlocks);
    }

    [Fact]
    public void A_long_prompt_is_prefilled_in_chunks_beside_the_decodes()
    {
        var engine = new EngineModel(Profile with { ApiDelay = TimeSpan.Zero }, new EngineLimits { MaxBatchedTokens = 512 });
        var now = TimeSpan.Zero;
        engine.Submit(Request(1, Prompt(16, 1), 50), now);
        engine.Step(ref now, _events);
        engine.Submit(Request(2, Prompt(1200, 2), 1), now);

        var chunks = new List<(int Prefill, int Decode)>();
        while (_events.All(happened => happened.Request.Id != 2))
        {
            var load = engine.Step(ref now, _events)!.Value.Load;
            chunks.Add((load.PrefillTokens, load.DecodeTokens));
        }
        Assert.Equal([(511, 1), (511, 1), (178, 1)], chunks);
    }

    [Fact]
    public void Waiting_requests_are_served_first_come_first_served_within_the_places()
    {
        var engine = new EngineModel(Profile, new EngineLimits { MaxSequences = 2 });
        for (long id = 1; id <= 5; id++)
            engine.Submit(Request(id, Prompt(40, (uint)id), (int)(10 * id)), TimeSpan.Zero);
        var now = Profile.ApiDelay;
        engine.Step(ref now, _events);
        Assert.Equal((2, 3), (engine.Running, engine.Waiting));
        engine.RunUntilIdle(now, _events);
        Assert.Equal([1L, 2, 3, 4, 5], _events.Where(happened => happened.Kind == EngineEventKind.FirstToken).Select(happened => happened.Request.Id));
    }

    [Fact]
    public void The_next_turn_finds_the_previous_prompt_and_its_answer_in_the_cache()
    {
        var engine = new EngineModel(Profile);
        var first = Prompt(100, 1);
        var answer = SyntheticAnswer.To(first);
        engine.Submit(EngineRequest.Of(1, first, 60, answer), TimeSpan.Zero);
        var now = engine.RunUntilIdle(TimeSpan.Zero, _events);

        uint[] second = [.. first, .. Enumerable.Range(0, 60).Select(answer.Token), .. Prompt(30, 2)];
        engine.Submit(Request(2, second, 1), now);
        engine.RunUntilIdle(now, _events);
        // 159 tokens were computed, the last generated one never is: 9 full blocks.
        Assert.Equal(9 * 16, _events[^1].Times.CachedTokens);
        Assert.Equal(9 * 16, engine.Counters.PrefixHits);
    }

    [Fact]
    public void At_least_the_last_token_of_a_cached_prompt_is_computed_again()
    {
        var engine = new EngineModel(Profile);
        engine.Submit(Request(1, Prompt(64, 1), 1), TimeSpan.Zero);
        var now = engine.RunUntilIdle(TimeSpan.Zero, _events);
        engine.Submit(Request(2, Prompt(64, 1), 1), now);
        engine.RunUntilIdle(now, _events);
        Assert.Equal(48, _events[^1].Times.CachedTokens);
    }

    [Fact]
    public void Another_salt_finds_nothing()
    {
        var engine = new EngineModel(Profile);
        var prompt = Prompt(64, 1);
        engine.Submit(Request(1, prompt, 1), TimeSpan.Zero);
        var now = engine.RunUntilIdle(TimeSpan.Zero, _events);
        engine.Submit(EngineRequest.Of(2, prompt, 1, SyntheticAnswer.To(prompt), salt: "adapter"), now);
        engine.RunUntilIdle(now, _events);
        Assert.Equal(0, _events[^1].Times.CachedTokens);
    }

    [Fact]
    public void Requests_in_flight_share_the_blocks_of_a_common_prefix()
    {
        var engine = new EngineModel(Profile with { ApiDelay = TimeSpan.Zero });
        var now = TimeSpan.Zero;
        engine.Submit(Request(1, Prompt(320, 1, shared: 160), 100), now);
        engine.Step(ref now, _events);
        engine.Submit(Request(2, Prompt(320, 2, shared: 160), 100), now);
        engine.Step(ref now, _events);
        // 21 blocks with the first token's, and 20 for the second request of which 10 are shared.
        Assert.Equal(21 + 10, engine.UsedBlocks);
    }

    [Fact]
    public void The_least_recently_used_prefix_is_evicted_and_its_end_before_its_beginning()
    {
        var engine = new EngineModel(Profile, new EngineLimits { KvBlocks = 20 });
        var now = TimeSpan.Zero;
        foreach (uint own in new uint[] { 1, 2 })
        {
            engine.Submit(Request(own, Prompt(128, own), 1), now);
            now = engine.RunUntilIdle(now, _events);
        }
        // 16 blocks are cached; 6 more leave 2 of the oldest evicted.
        engine.Submit(Request(3, Prompt(96, 3), 1), now);
        now = engine.RunUntilIdle(now, _events);
        int Cached(long id, uint own)
        {
            engine.Submit(Request(id, Prompt(128, own), 1), now);
            now = engine.RunUntilIdle(now, _events);
            return _events[^1].Times.CachedTokens;
        }
        Assert.Equal(6 * 16, Cached(4, 1));
        // To compute the two missing ones, two blocks of the prefix that is oldest by then were taken.
        Assert.Equal(6 * 16, Cached(5, 2));
    }

    [Fact]
    public void A_full_cache_preempts_the_request_scheduled_last_and_both_still_finish()
    {
        var engine = new EngineModel(Profile with { ApiDelay = TimeSpan.Zero }, new EngineLimits { KvBlocks = 10 });
        engine.Submit(Request(1, Prompt(60, 1), 60), TimeSpan.Zero);
        engine.Submit(Request(2, Prompt(60, 2), 60), TimeSpan.Zero);
        engine.RunUntilIdle(TimeSpan.Zero, _events);
        var preempted = _events.Where(happened => happened.Kind == EngineEventKind.Preempted).ToList();
        Assert.NotEmpty(preempted);
        Assert.All(preempted, happened => Assert.Equal(2, happened.Request.Id));
        Assert.Equal(preempted.Count, engine.Counters.Preemptions);
        Assert.Equal([1L, 2], _events.Where(happened => happened.Kind == EngineEventKind.Finished).Select(happened => happened.Request.Id));
        var second = _events.Where(happened => happened.Request.Id == 2 && happened.Kind is (EngineEventKind.FirstToken or EngineEventKind.Token));
        Assert.Equal(Enumerable.Range(1, 60), second.Select(happened => happened.OutputTokens));
    }

    [Fact]
    public void Queue_caps_refuse_and_count()
    {
        var engine = new EngineModel(Profile, new EngineLimits { MaxQueuedRequests = 2, MaxQueuedTokens = 150 });
        Assert.Equal(Admission.Accepted, engine.Submit(Request(1, Prompt(200, 1), 1), TimeSpan.Zero));
        Assert.Equal(Admission.TooManyTokens, engine.Submit(Request(2, Prompt(1, 2), 1), TimeSpan.Zero));
        Assert.True(engine.Abort(1));
        Assert.Equal(Admission.Accepted, engine.Submit(Request(3, Prompt(10, 3), 1), TimeSpan.Zero));
        Assert.Equal(Admission.Accepted, engine.Submit(Request(4, Prompt(10, 4), 1), TimeSpan.Zero));
        Assert.Equal(Admission.TooManyRequests, engine.Submit(Request(5, Prompt(10, 5), 1), TimeSpan.Zero));
        Assert.Equal(2, engine.Counters.Refused);
    }

    [Theory]
    [InlineData(159, 2, Admission.TooLong)]
    [InlineData(159, 1, Admission.Accepted)]
    [InlineData(0, 1, Admission.TooLong)]
    public void A_request_that_could_never_finish_is_refused(int prompt, int output, Admission expected) =>
        Assert.Equal(expected, new EngineModel(Profile, new EngineLimits { KvBlocks = 10 }).Submit(Request(1, Prompt(prompt, 1), output), TimeSpan.Zero));

    [Fact]
    public void Aborting_frees_blocks_whether_waiting_running_or_in_a_step()
    {
        var engine = new EngineModel(Profile with { ApiDelay = TimeSpan.Zero }, new EngineLimits { MaxSequences = 2 });
        for (long id = 1; id <= 3; id++)
            engine.Submit(Request(id, Prompt(100, (uint)id), 50), TimeSpan.Zero);
        var now = TimeSpan.Zero;
        engine.Step(ref now, _events);
        Assert.True(engine.Abort(1)); // Running, between steps.
        Assert.True(engine.Abort(3)); // Waiting.
        Assert.Equal((1, 0), (engine.Running, engine.Waiting));
        Assert.Equal(7, engine.UsedBlocks);

        var plan = engine.BeginStep(now);
        Assert.True(engine.Abort(2)); // In the step.
        Assert.False(engine.Abort(2));
        int told = _events.Count;
        engine.CompleteStep(now + plan.Duration, _events);
        Assert.Equal(told, _events.Count);
        Assert.Equal((0, 0, 3L), (engine.Running, engine.UsedBlocks, engine.Counters.Aborted));
    }

    [Fact]
    public void A_request_without_output_ends_with_its_prefill()
    {
        var engine = new EngineModel(Profile);
        engine.Submit(Request(1, Prompt(100, 1), 0), TimeSpan.Zero);
        engine.RunUntilIdle(TimeSpan.Zero, _events);
        Assert.Equal([EngineEventKind.Finished], _events.Select(happened => happened.Kind));
        Assert.Equal(0, engine.Counters.GeneratedTokens);
    }

    [Fact]
    public void An_unknown_profile_names_those_there_are() =>
        Assert.Contains("h100-llama-3.1-8b", Assert.Throws<ArgumentException>(() => EngineProfile.Named("b200")).Message);
}
