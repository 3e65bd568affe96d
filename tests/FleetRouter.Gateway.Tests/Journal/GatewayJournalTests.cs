using System.Net;
using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.EngineSim.Faults;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Gateway.Tests.Clients;
using FleetRouter.Gateway.Why;
using FleetRouter.Hosting.Journal;

namespace FleetRouter.Gateway.Tests.Journal;

/// <summary>A real gateway's journal, with requests held, retried, refused and left, replays to the same decisions.</summary>
public sealed class GatewayJournalTests : IDisposable
{
    private static readonly Uri Nowhere = new("http://127.0.0.1:9");
    private readonly JournalFolder _folder = new();
    private readonly StringWriter _output = new();
    private readonly StringWriter _errors = new();

    public void Dispose() => _folder.Dispose();

    private Task<GatewayUnderTest> StartAsync(Func<PoolOptions, PoolOptions> pool) => GatewayUnderTest.StartAsync(
        GatewayUnderTest.Fast(3), pool, gateway => gateway with { Journal = new JournalSection { Path = _folder.Path } });

    private Task<int> WhyAsync(string? request, string? journal, Uri? url = null, string? json = null) =>
        WhyVerb.RunAsync(request, journal, url ?? Nowhere, json, _output, _errors, CancellationToken.None);

    private static async Task<HttpStatusCode> AskAsync(GatewayUnderTest gateway, string id, string prompt, int tokens = 8)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent(GatewayUnderTest.Chat(prompt, tokens)) };
        request.Headers.Add("x-request-id", id);
        using HttpResponseMessage answer = await gateway.Http.SendAsync(request);
        return answer.StatusCode;
    }

    [Fact]
    public async Task A_crowded_unreliable_gateways_journal_replays_to_the_same_decisions()
    {
        var statuses = new List<HttpStatusCode>();
        await using (GatewayUnderTest gateway = await StartAsync(pool => pool with { MaxRequestsPerInstance = 1, MaxHeld = 6 }))
        {
            gateway.Engines!.Instances[0].Faults.Add(new Fault(FaultKind.Reject) { Times = 3 });
            gateway.Engines.Instances[1].Faults.Add(new Fault(FaultKind.Empty) { Times = 2 });
            for (int wave = 0; wave < 4; wave++)
            {
                int of = wave;
                statuses.AddRange(await Task.WhenAll(Enumerable.Range(0, 16).Select(n => AskAsync(gateway, $"w{of}-{n}", string.Concat(Enumerable.Repeat($"prompt {n} ", 200))))));
                await gateway.NoLeaseLeft();
            }
        }
        JournalReplay replay = _folder.Replay();
        Assert.True(replay is { NotReplayed: null, FirstDifference: null }, replay.FirstDifference ?? replay.NotReplayed);
        Assert.Equal(replay.Recorded.Value, replay.Replayed.Value);
        JournalEntry[] entries = [.. JournalReader.Open(_folder.Path).Single().Entries()];
        Assert.Equal(replay.Replayed.Value, EmbeddedHost.Decide(JournalReader.Open(_folder.Path).Single().Header.Options, entries.Select(e => e.Happened!)).Value);
        PoolEffect[] decisions = [.. entries.SelectMany(e => e.Decisions)];
        // Every answer stands behind a decision, and the run reached what it is to test.
        Assert.Equal(statuses.Count(s => s == HttpStatusCode.OK), entries.Count(e => e.Happened is RequestEnded { End: RequestEnd.Completed }));
        Assert.Contains(decisions, d => d is Dispatch { Decision.Attempt: 2 });
        Assert.Contains(decisions, d => d is Held);
        Assert.Contains(decisions, d => d is Refuse);
        Assert.Contains(entries, e => e.Happened is AttemptFailed { Failure: AttemptFailure.Unreachable });
        Assert.Contains(entries, e => e.Happened is AttemptFailed { Failure: AttemptFailure.EngineBusy });
        Assert.Equal(0, await WhyAsync(null, _folder.Path));
        Assert.Contains($"{replay.Replayed}: as recorded", _output.ToString());
    }

    [Fact]
    public async Task Why_tells_every_attempt_of_a_request_from_the_journal_and_from_the_gateway()
    {
        string told;
        await using (GatewayUnderTest gateway = await StartAsync(pool => pool with { Policy = "round-robin" }))
        {
            gateway.Engines!.Instances[0].Faults.Add(new Fault(FaultKind.Reject) { Times = 1 });
            for (int n = 0; n < 3; n++)
                Assert.Equal(HttpStatusCode.OK, await AskAsync(gateway, $"mine-{n}", "a secret prompt"));
            JsonElement retried = JsonDocument.Parse(await gateway.Admin.GetStringAsync("/admin/decisions")).RootElement.EnumerateArray()
                .First(d => d.GetProperty("decision").GetProperty("attempt").GetInt32() == 2).GetProperty("decision");
            told = retried.GetProperty("clientId").GetString()!;
            Assert.Equal(0, await WhyAsync(told, null, new Uri(gateway.Server.AdminAddress)));
            string live = _output.ToString();
            Assert.Contains($"(the client's id: {told})", live);
            Assert.Contains("attempt 1 sent to", live);
            Assert.Contains("attempt 2 sent to", live);
            Assert.Equal(1, await WhyAsync("nobody", null, new Uri(gateway.Server.AdminAddress)));
            Assert.StartsWith("fleet why: no decision about request 'nobody'", _errors.ToString());
            await gateway.NoLeaseLeft();
        }
        _output.GetStringBuilder().Clear();
        string json = Path.Combine(_folder.Path, "why.json");
        Assert.Equal(0, await WhyAsync(told, _folder.Path, json: json));
        string text = _output.ToString();
        foreach (string expected in (string[])["arrived: chat for", "attempt 1 sent to", "attempt failed (engine busy)", "attempt 2 sent to", "[replayed: the same]",
            "round-robin: it was next in turn", "prefix key", "cached tokens", "est. TTFT", "ended: completed; the engine counted", "as recorded"])
            Assert.Contains(expected, text);
        WhyAnswer answer = JsonSerializer.Deserialize<WhyAnswer>(await File.ReadAllTextAsync(json), JournalJson.Options)!;
        Assert.Equal(told, answer.Story!.ClientId);
        Assert.Equal([1, 2], answer.Story.Steps.Where(s => s.Decision is not null).Select(s => s.Decision!.Attempt));
        Assert.All(answer.Story.Steps.Where(s => s.Decision is not null), s => Assert.True(s.Replayed));
        // The router's own id finds it too.
        Assert.Equal(0, await WhyAsync(answer.Story.RequestId, JournalFiles.Current(_folder.Path, GatewayUnderTest.Pool)));
        Assert.DoesNotContain("secret", await File.ReadAllTextAsync(JournalFiles.Current(_folder.Path, GatewayUnderTest.Pool)));
    }

    [Fact]
    public async Task Why_fails_in_one_line_where_there_is_nothing_to_tell()
    {
        Assert.Equal(1, await WhyAsync("r", _folder.Path));
        Assert.Equal(1, await WhyAsync("r", null));
        await _folder.WriteAsync(1, 50);
        Assert.Equal(1, await WhyAsync("nobody", _folder.Path));
        string[] errors = _errors.ToString().TrimEnd().Split(Environment.NewLine);
        Assert.Equal(3, errors.Length);
        Assert.Contains("no journal in this folder", errors[0]);
        Assert.StartsWith($"fleet why: {Nowhere} does not answer as a gateway's admin API", errors[1]);
        Assert.StartsWith($"fleet why: no request 'nobody' in {_folder.Path}", errors[2]);
    }

    [Fact]
    public async Task A_journal_of_other_decisions_fails_why()
    {
        await _folder.WriteAsync(1, 300);
        await File.WriteAllTextAsync(_folder.File, (await File.ReadAllTextAsync(_folder.File)).Replace("\"attempt\":1", "\"attempt\":7", StringComparison.Ordinal));
        Assert.Equal(1, await WhyAsync(null, _folder.Path));
        Assert.Contains("NOT as recorded", _output.ToString());
        Assert.Contains("first difference at", _output.ToString());
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_stops_the_start_with_a_clear_line()
    {
        string file = Path.Combine(_folder.Path, "a file");
        await File.WriteAllTextAsync(file, "");
        var trouble = await Assert.ThrowsAsync<JournalException>(() => GatewayServer.StartAsync(new GatewayOptions
        {
            Listen = new Uri("http://127.0.0.1:0"), AdminListen = new Uri("http://127.0.0.1:0"), LogLevel = Microsoft.Extensions.Logging.LogLevel.None,
            Journal = new JournalSection { Path = file }, Pools = [new PoolSection { Options = new PoolOptions { Name = "p" } }],
        }));
        Assert.StartsWith($"the journal {file}", trouble.Message);
        Assert.DoesNotContain('\n', trouble.Message);
    }
}
