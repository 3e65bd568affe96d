using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.Tests.Engines;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Gateway.Tests.Hosting;

public sealed class ProfileKeeperTests
{
    private static readonly LearnedProfile Known = new(6, 900, 120, 20_000);
    private readonly ManualTime _time = new();
    private readonly Profiles _profiles = new();

    private PoolHost Host() => new(new PoolOptions { Name = "p" }, new HostClock(_time), (_, _) => { });

    [Fact]
    public async Task A_pool_begins_with_what_was_kept_of_it()
    {
        _profiles.Kept = Known;
        using PoolHost host = Host();
        await using var keeper = new ProfileKeeper(host, _profiles, _time);
        await _time.UntilWaitedForAsync();
        Assert.Equal(6, (await host.DescribeAsync()).BytesPerToken);
    }

    [Fact]
    public async Task What_cannot_be_recalled_at_first_is_asked_for_again()
    {
        using PoolHost host = Host();
        await using var keeper = new ProfileKeeper(host, _profiles, _time);
        await _time.UntilWaitedForAsync();
        _profiles.Kept = Known;
        await _time.AdvanceToNextTimerAsync();
        await _time.UntilWaitedForAsync();
        Assert.Equal(6, (await host.DescribeAsync()).BytesPerToken);
    }

    [Fact]
    public async Task What_is_learned_is_kept_now_and_then_and_in_the_end_and_nothing_else_is()
    {
        using PoolHost host = Host();
        var keeper = new ProfileKeeper(host, _profiles, _time);
        await _time.UntilWaitedForAsync();
        await host.DescribeAsync();
        Learn(host, "a", 500);
        await _time.AdvanceToNextTimerAsync();
        await _time.UntilWaitedForAsync();
        LearnedProfile first = _profiles.Kept!;
        Assert.Equal(await host.LearnedAsync(), first);
        await _time.AdvanceToNextTimerAsync();
        await _time.UntilWaitedForAsync();
        Assert.Equal(1, _profiles.Writes);   // it had learned nothing since
        Learn(host, "b", 5_000);
        await keeper.DisposeAsync();
        Assert.Equal(2, _profiles.Writes);
        Assert.True(_profiles.Kept!.MeanPromptTokens > first.MeanPromptTokens);
    }

    private static void Learn(PoolHost host, string id, int promptTokens)
    {
        EngineEndpoint engine = EngineEndpoint.At(new Uri("http://127.0.0.1:9001"));
        host.Join(engine);
        host.Probed(engine.Id, new EngineReport(["m"]));
        host.PlaceAsync(new PlacementRequest { Id = id, Model = "m", Api = ApiKind.Chat }, CancellationToken.None);
        host.Ended(id, RequestEnd.Completed, new TokenUsage(promptTokens, null, 10));
    }

    private sealed class Profiles : ILearnedProfiles
    {
        public LearnedProfile? Kept;
        public int Writes;

        public Task<LearnedProfile?> RecallAsync(string pool, CancellationToken cancellation) => Task.FromResult(Kept);

        public Task KeepAsync(string pool, LearnedProfile profile, CancellationToken cancellation)
        {
            (Kept, Writes) = (profile, Writes + 1);
            return Task.CompletedTask;
        }
    }
}
