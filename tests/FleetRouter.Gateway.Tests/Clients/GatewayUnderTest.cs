using System.Text;
using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.EngineSim;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;
using Microsoft.Extensions.Logging;

namespace FleetRouter.Gateway.Tests.Clients;

/// <summary>A gateway on ports of its own before engines in this process, ready when <see cref="StartAsync"/> returns.</summary>
internal sealed class GatewayUnderTest : IAsyncDisposable
{
    public const string Model = "sim/llama-3.1-8b";
    public const string Pool = "test";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan BetweenPolls = TimeSpan.FromMilliseconds(20);

    private GatewayUnderTest(EngineFleet? engines, GatewayServer server)
    {
        (Engines, Server) = (engines, server);
        Http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(server.Address), Timeout = Patience };
        Admin = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(server.AdminAddress), Timeout = Patience };
    }

    public EngineFleet? Engines { get; }

    public GatewayServer Server { get; }

    /// <summary>A client of the front door.</summary>
    public HttpClient Http { get; }

    /// <summary>A client of the operators' side.</summary>
    public HttpClient Admin { get; }

    /// <summary>Engines twenty times as fast as the real ones.</summary>
    public static EngineSimOptions Fast(int count = 2) => new() { Count = count, TimeScale = 20 };

    /// <summary>Starts engines, and a gateway before them; waits until every instance is ready.</summary>
    /// <param name="engines">The stand-ins; null for none.</param>
    /// <param name="pool">Changes to the pool's options.</param>
    /// <param name="gateway">Changes to the gateway's options.</param>
    /// <param name="instances">Engines beside the stand-ins.</param>
    /// <param name="ready">Instances to wait for; null for all.</param>
    /// <param name="conversations">What keeps conversations; null for the gateway's memory.</param>
    /// <param name="accounts">Where tenants' accounts are; null for the gateway's memory.</param>
    public static async Task<GatewayUnderTest> StartAsync(
        EngineSimOptions? engines = null, Func<PoolOptions, PoolOptions>? pool = null,
        Func<GatewayOptions, GatewayOptions>? gateway = null, IEnumerable<Uri>? instances = null, int? ready = null, IConversations? conversations = null, ITenantAccounts? accounts = null)
    {
        EngineFleet? fleet = engines is null ? null : await EngineFleet.StartAsync(engines);
        Uri[] addresses = [.. fleet?.Addresses ?? [], .. instances ?? []];
        var options = new GatewayOptions
        {
            Listen = new Uri("http://127.0.0.1:0"),
            AdminListen = new Uri("http://127.0.0.1:0"),
            LogLevel = LogLevel.None,
            Pools =
            [
                new PoolSection
                {
                    Options = (pool ?? (same => same))(new PoolOptions { Name = Pool }),
                    Probe = new ProbeOptions
                    {
                        Interval = TimeSpan.FromMilliseconds(200),
                        Timeout = TimeSpan.FromSeconds(20),
                        MaxBackoff = TimeSpan.FromMilliseconds(400),
                    },
                    Instances = [.. addresses.Select(a => new InstanceSection { Url = a })],
                },
            ],
        };
        var started = new GatewayUnderTest(fleet, await GatewayServer.StartAsync((gateway ?? (same => same))(options), conversations: conversations, accounts: accounts));
        int wanted = ready ?? addresses.Length;
        await started.UntilAsync(state => state.Ready >= wanted, $"{wanted} instances ready");
        if (wanted > 0)
            Assert.Equal(System.Net.HttpStatusCode.OK, (await started.Http.GetAsync("/readyz")).StatusCode);
        return started;
    }

    /// <summary>What the admin API says of the fleet.</summary>
    public async Task<FleetState> LeasesAsync()
    {
        string text = await Admin.GetStringAsync("/admin/fleet");
        using var json = JsonDocument.Parse(text);
        int held = 0, leases = 0, ready = 0;
        long prefill = 0, decode = 0;
        foreach (JsonElement pool in json.RootElement.GetProperty("pools").EnumerateArray())
        {
            held += pool.GetProperty("held").GetInt32();
            foreach (JsonElement instance in pool.GetProperty("instances").EnumerateArray())
            {
                leases += instance.GetProperty("leases").GetInt32();
                prefill += instance.GetProperty("pendingPrefillTokens").GetInt64();
                decode += instance.GetProperty("decodeTokens").GetInt64();
                ready += instance.GetProperty("state").GetString() == "ready" ? 1 : 0;
            }
        }
        return new FleetState(held, leases, prefill, decode, ready, text);
    }

    /// <summary>Waits until no request is held and none has a lease or any token of one.</summary>
    public Task NoLeaseLeft() => UntilAsync(
        state => state is { Held: 0, Leases: 0, PendingPrefill: 0, DecodeTokens: 0 }, "no lease and no hold left");

    /// <summary>Waits until the admin API shows a state; fails with the last one seen.</summary>
    public async Task UntilAsync(Func<FleetState, bool> holds, string what)
    {
        long from = TimeProvider.System.GetTimestamp();
        FleetState state;
        while (!holds(state = await LeasesAsync()))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(from) < Patience, $"waited in vain for: {what}; the fleet is\n{state.Text}");
            await Task.Delay(BetweenPolls);
        }
    }

    /// <summary>An ordinary request is answered, and nothing of any request is left.</summary>
    public async Task ServesOnAsync()
    {
        await NoLeaseLeft();
        await UntilAsync(state => state.Ready > 0, "an instance ready");
        using HttpResponseMessage answer = await PostAsync("/v1/chat/completions", Chat("does it serve on?", 4));
        string text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, $"the gateway does not serve on: {(int)answer.StatusCode} {text}");
        Assert.Equal("chat.completion", JsonDocument.Parse(text).RootElement.GetProperty("object").GetString());
        await NoLeaseLeft();
    }

    public Task<HttpResponseMessage> PostAsync(string path, string json, CancellationToken cancellation = default) =>
        Http.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"), cancellation);

    /// <summary>Sends, and returns as soon as the answer's headers are there.</summary>
    public Task<HttpResponseMessage> BeginAsync(string path, string json, CancellationToken cancellation = default) => Http.SendAsync(
        new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") },
        HttpCompletionOption.ResponseHeadersRead, cancellation);

    /// <summary>A chat request's body.</summary>
    public static string Chat(string prompt, int maxTokens, bool stream = false, bool ignoreEos = false) => JsonSerializer.Serialize(new
    {
        model = Model,
        messages = new[] { new { role = "user", content = prompt } },
        max_tokens = maxTokens,
        stream,
        ignore_eos = ignoreEos,
    });

    /// <summary>A chat that goes on until its client leaves.</summary>
    public static string Endless(string prompt, bool stream = true) => Chat(prompt, 100_000, stream, ignoreEos: true);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        Admin.Dispose();
        if (Engines is not null)
            await Engines.DisposeAsync();
        await Server.DisposeAsync();
    }
}

/// <summary>The fleet as the admin API shows it.</summary>
internal sealed record FleetState(int Held, int Leases, long PendingPrefill, long DecodeTokens, int Ready, string Text);

/// <summary>One gateway before two fast engines, for tests that leave nothing behind.</summary>
public sealed class SharedGateway : IAsyncLifetime
{
    internal GatewayUnderTest Gateway { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast());

    public ValueTask DisposeAsync() => Gateway.DisposeAsync();
}
