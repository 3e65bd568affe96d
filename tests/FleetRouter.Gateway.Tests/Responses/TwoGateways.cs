#pragma warning disable OPENAI001 // The responses client is marked as experimental; it is what users have.
using FleetRouter.EngineSim;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Gateway.Tests.Clients;
using FleetRouter.LoadGen.Demo;
using FleetRouter.Storage;
using FleetRouter.Storage.Tests;

namespace FleetRouter.Gateway.Tests.Responses;

/// <summary>Two gateways on one database before the same engines, each a process of its own. One that was killed is started anew when it is wanted.</summary>
public abstract class TwoGateways : IAsyncDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false });
    private readonly GatewayProcess?[] _gateways = new GatewayProcess?[2];
    private EngineFleet? _engines;
    private PostgresServer? _server;
    private DatabaseAddress? _database;

    /// <summary>What the configuration says beside the pools.</summary>
    private protected abstract string Host();

    /// <summary>Both of them, ready; skips the test where what they need is not installed.</summary>
    internal async Task<(GatewayProcess One, GatewayProcess Other)> ReadyAsync()
    {
        Host();   // it may have to skip
        _server ??= await PostgresServer.StartNewAsync();
        _database ??= await _server.NewDatabaseAsync();
        _engines ??= await EngineFleet.StartAsync(GatewayUnderTest.Fast());
        for (int i = 0; i < _gateways.Length; i++)
        {
            if (_gateways[i] is { HasExited: false })
                continue;
            if (_gateways[i] is { } gone)
                await gone.DisposeAsync();
            _gateways[i] = await GatewayProcess.StartAsync($"gateway {i}", GatewayProcess.OfThisBuild, _database, () => $"{Host()}\npools:\n  - name: {GatewayUnderTest.Pool}\n    instances:\n"
                + string.Concat(_engines.Addresses.Select(engine => $"      - url: http://{engine.Authority}\n")));
            await _gateways[i]!.UntilReadyAsync(_http);
        }
        return (_gateways[0]!, _gateways[1]!);
    }

    /// <summary>The id of an answer that has expired; a gateway gave it that keeps them for no time.</summary>
    internal async Task<string> ExpiredAsync()
    {
        string secret = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(secret, _database!.Single());
            await using GatewayUnderTest brief = await GatewayUnderTest.StartAsync(instances: _engines!.Addresses, gateway: o => o with
            {
                Database = new DatabaseSection { ConnectionString = new SecretSource(null, secret) }, Responses = new ResponsesSection { KeepFor = TimeSpan.FromTicks(1) },
            });
            return (await ConversationSuite.TurnAsync(OpenAiDotNetTests.OpenAi(brief).GetResponsesClient(), "One?")).Id;
        }
        finally
        {
            File.Delete(secret);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (GatewayProcess? gateway in _gateways)
            if (gateway is not null)
                await gateway.DisposeAsync();
        if (_engines is not null)
            await _engines.DisposeAsync();
        if (_server is not null)
            await _server.DisposeAsync();
        _http.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>Each runs its own pools.</summary>
public sealed class TwoEmbeddedGateways : TwoGateways
{
    private protected override string Host() => "";
}

/// <summary>They are a cluster.</summary>
public sealed class TwoGatewaysOfACluster : TwoGateways
{
    private protected override string Host()
    {
#if !ORLEANS
        Assert.Skip("this build has no cluster, since no NuGet source has Orleans; conversations are not tested in one");
#endif
        // These tests share their machine: a pool may be late without being lost.
        return $"cluster:\n  silo: 127.0.0.1:{LocalPostgres.FreePort()}\n  placementBudget: 1s";
    }
}
