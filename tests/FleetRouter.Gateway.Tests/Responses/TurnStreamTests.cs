using System.Text;
using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Tests;
using FleetRouter.Gateway.Forwarding;
using FleetRouter.Gateway.Responses;
using FleetRouter.Gateway.Tests.Engines;
using FleetRouter.Gateway.Tests.Resuming;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Gateway.Tests.Responses;

/// <summary>Recorded answers of real engines, streamed and not, cut into pieces wherever chance has it, as a client gets them as its turn.</summary>
public sealed class TurnStreamTests
{
    private const int Rounds = 40;

    public static readonly TheoryData<string> Recordings =
    [
        "openai/responses_stream_background.0.response.sse", "openai/responses_stream_function_call.0.response.sse",
        "openai/responses_stream_function_call.1.response.sse", "openai/responses_stream_usage.0.response.sse",
    ];

    [Theory]
    [MemberData(nameof(Recordings))]
    public async Task Every_event_with_the_answer_has_the_turns_id_and_all_else_passes(string file)
    {
        foreach (byte[] whole in Variants(file))
            for (ulong seed = 0; seed < Rounds; seed++)
            {
                var keeper = new GatedKeeper(isOpen: true);
                ResponseTurn turn = Turn(keeper, seed % 2 == 0 ? "resp_before" : null, isKept: seed % 3 > 0);
                (string got, Attempt attempt) = await PassAsync(whole, seed, turn);
                string[] was = Events(Encoding.UTF8.GetString(whole)), are = Events(got);
                Assert.Equal(was.Length, are.Length);
                foreach ((string before, string after) in was.Zip(are))
                    Same(before, after, turn, seed);
                Assert.False(attempt.Broke);
                Assert.True(attempt.Usage is not null || whole[^1] != '\n', $"seed {seed}: the engine's counts were missed");
                if (!turn.IsKept)
                {
                    Assert.Empty(keeper.Kept);
                    continue;
                }
                StoredResponse kept = Assert.Single(keeper.Kept);
                Assert.Equal((turn.Id, turn.PreviousId, "owner"), (kept.Id, kept.PreviousId, kept.Owner));
                Assert.Contains(Encoding.UTF8.GetString(kept.Body.Span), are[^1]);
                Assert.Equal(turn.Id, JsonDocument.Parse(kept.Body).RootElement.GetProperty("id").GetString());
            }
    }

    [Theory]
    [MemberData(nameof(Recordings))]
    public async Task The_last_event_waits_until_the_answer_is_kept(string file)
    {
        byte[] whole = RecordedData.Read(file);
        var keeper = new GatedKeeper(isOpen: false);
        var got = new MemoryStream();
        Task<(string, Attempt)> passing = PassAsync(whole, 1, Turn(keeper, null, isKept: true), got: got);
        await keeper.Asked;
        Assert.DoesNotContain("response.completed", Encoding.UTF8.GetString(got.ToArray()));
        keeper.Open();
        Assert.Contains("response.completed", (await passing).Item1);
    }

    [Theory]
    [MemberData(nameof(Recordings))]
    public async Task What_breaks_off_is_told_so_and_not_kept(string file)
    {
        foreach (byte[] whole in Variants(file))
            for (ulong seed = 0; seed < Rounds; seed++)
            {
                int last = Encoding.UTF8.GetString(whole).LastIndexOf("event: ", StringComparison.Ordinal);
                int cut = new SplitMix64(seed ^ 0xC07).Below(last + 200);
                bool isPolite = seed % 2 == 0;
                byte[] cutOff = [.. whole[..cut]];
                var keeper = new GatedKeeper(isOpen: true);
                (string got, Attempt attempt) = await PassAsync(isPolite ? cutOff : whole, seed, Turn(keeper, null, isKept: true), isPolite ? null : cut);
                Assert.True(attempt.Broke, $"seed {seed}, cut at {cut}: not noticed");
                Assert.Empty(keeper.Kept);
                Assert.DoesNotContain("event: response.completed", got);
                Assert.Contains("engine_stream_broken", Events(got)[^1]);
            }
    }

    [Fact]
    public async Task An_answer_that_is_not_streamed_has_the_turns_id_and_is_kept_as_it_is_told()
    {
        byte[] whole = """{ "object":"response", "created_at":1, "output":[{"id":"msg_1","type":"message","store":1}], "id" : "resp_engine" }"""u8.ToArray();
        for (ulong seed = 0; seed < Rounds; seed++)
        {
            var keeper = new GatedKeeper(isOpen: true);
            ResponseTurn turn = Turn(keeper, "resp_\"before\"", isKept: true);
            await using var answer = new TurnAnswer(new WatchedAnswer(new PiecesStream(whole, new SplitMix64(seed), null), Attempt()), turn);
            var got = new MemoryStream();
            await answer.CopyToAsync(got);
            string text = Encoding.UTF8.GetString(got.ToArray());
            Assert.Equal($$"""{"previous_response_id":"resp_\u0022before\u0022","store":true, "object":"response", "created_at":1, "output":[{"id":"msg_1","type":"message","store":1}], "id" : "{{turn.Id}}" }""", text);
            Assert.Equal(text, Encoding.UTF8.GetString(Assert.Single(keeper.Kept).Body.Span));
        }
    }

    [Theory]
    [InlineData("<html>not an answer</html>")]
    [InlineData("[1]")]
    [InlineData("{\"detail\":\"no id\"}")]
    [InlineData("")]
    public async Task What_is_no_answer_passes_as_it_is_and_is_not_kept(string text)
    {
        var keeper = new GatedKeeper(isOpen: true);
        await using var answer = new TurnAnswer(new WatchedAnswer(new MemoryStream(Encoding.UTF8.GetBytes(text)), Attempt()), Turn(keeper, null, isKept: true));
        var got = new MemoryStream();
        await answer.CopyToAsync(got);
        Assert.Equal(text, Encoding.UTF8.GetString(got.ToArray()));
        Assert.Empty(keeper.Kept);
    }

    private static void Same(string before, string after, ResponseTurn turn, ulong seed)
    {
        if (Response(after) is not { } response)
        {
            Assert.True(before == after, $"seed {seed}: {after}");
            return;
        }
        JsonElement was = Response(before)!.Value;
        Assert.Equal((turn.Id, turn.PreviousId, turn.IsKept), (response.GetProperty("id").GetString(), response.GetProperty("previous_response_id").GetString(), response.GetProperty("store").GetBoolean()));
        string[] own = ["id", "previous_response_id", "store"];
        Assert.Equal(was.EnumerateObject().Where(p => !own.Contains(p.Name)).Select(p => p.ToString()), response.EnumerateObject().Where(p => !own.Contains(p.Name)).Select(p => p.ToString()));
        string id = was.GetProperty("id").GetString()!;
        Assert.DoesNotContain($"\"{id}\"", after);
        Assert.Equal(before[..before.IndexOf("\"response\":{", StringComparison.Ordinal)], after[..after.IndexOf("\"response\":{", StringComparison.Ordinal)]);
    }

    private static JsonElement? Response(string e)
    {
        string? line = e.Split('\n').Select(l => l.TrimEnd('\r')).FirstOrDefault(l => l.StartsWith("data: {", StringComparison.Ordinal));
        return line is not null && JsonDocument.Parse(line["data: ".Length..]).RootElement.TryGetProperty("response", out JsonElement response) ? response : null;
    }

    private static string[] Events(string text) => text.Replace("\r\n", "\n").Split("\n\n", StringSplitOptions.RemoveEmptyEntries);

    /// <summary>As recorded, with the other line ends the format allows, and without the end of the last event.</summary>
    private static IEnumerable<byte[]> Variants(string file)
    {
        string text = Encoding.UTF8.GetString(RecordedData.Read(file));
        yield return Encoding.UTF8.GetBytes(text);
        yield return Encoding.UTF8.GetBytes(text.Replace("\n", "\r\n"));
        yield return Encoding.UTF8.GetBytes(text.TrimEnd());
    }

    private static ResponseTurn Turn(IConversations keeper, string? previous, bool isKept) => new(keeper, TimeSpan.FromDays(1), TimeProvider.System)
    {
        Id = "resp_ours", PreviousId = previous, Conversation = "resp_ours", Owner = "owner", IsKept = isKept,
    };

    private static Attempt Attempt()
    {
        var pool = new PoolHost(new PoolOptions { Name = "p" }, new HostClock(TimeProvider.System), (_, _) => { });
        return new Attempt(pool, new PlacementRequest { Id = "r", Model = "m", Api = ApiKind.Response },
            new FleetRouter.Hosting.Placement("i", new Uri("http://127.0.0.1:1"), null, 1), TimeProvider.System, 0)
        {
            Terms = default, HidesUsage = false, EngineApiKey = null, DropsClientKey = false,
        };
    }

    private static async Task<(string Got, Attempt Attempt)> PassAsync(byte[] whole, ulong seed, ResponseTurn turn, int? breakAt = null, MemoryStream? got = null)
    {
        Attempt attempt = Attempt();
        using var pool = (PoolHost)attempt.Pool;
        var random = new SplitMix64(seed);
        await using var stream = new TurnStream(new WatchedStream(new PiecesStream(whole, random, breakAt), attempt), attempt, turn);
        got ??= new MemoryStream();
        byte[] buffer = new byte[1 + random.Below(5_000)];
        while (true)
        {
            Assert.Equal(0, await stream.ReadAsync(Memory<byte>.Empty));   // as YARP waits
            int read = await stream.ReadAsync(buffer);
            if (read == 0)
                return (Encoding.UTF8.GetString(got.ToArray()), attempt);
            got.Write(buffer, 0, read);
        }
    }

    /// <summary>Keeps what it is given once it is let.</summary>
    private sealed class GatedKeeper(bool isOpen) : IConversations
    {
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously), _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Asked => _asked.Task;
        public List<StoredResponse> Kept { get; } = [];

        public void Open() => _open.SetResult();

        public async Task SaveAsync(StoredResponse response, CancellationToken cancellation)
        {
            _asked.TrySetResult();
            if (!isOpen)
                await _open.Task;
            Kept.Add(response);
        }

        public Task<StoredResponse?> FindAsync(string id, string owner, CancellationToken cancellation) => throw new NotSupportedException();
        public Task<IReadOnlyList<StoredResponse>> HistoryAsync(string id, string owner, CancellationToken cancellation) => throw new NotSupportedException();
        public Task<bool> DeleteAsync(string id, string owner, CancellationToken cancellation) => throw new NotSupportedException();
        public ValueTask<string?> HomeAsync(string pool, string session, CancellationToken cancellation) => throw new NotSupportedException();
        public void Settled(string pool, string session, string instance) => throw new NotSupportedException();
    }
}
