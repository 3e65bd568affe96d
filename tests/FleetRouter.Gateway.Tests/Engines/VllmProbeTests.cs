using System.Net;
using System.Net.Sockets;
using System.Text;
using FleetRouter.Engines.Vllm;
using FleetRouter.Hosting.Ports;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FleetRouter.Gateway.Tests.Engines;

/// <summary>The probe against a real HTTP server that answers with recorded bytes.</summary>
public sealed class VllmProbeTests : IAsyncLifetime
{
    private readonly WebApplication _engine;
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler { UseProxy = false });
    private RequestDelegate _health = _ => Task.CompletedTask;
    private RequestDelegate _models = context => context.Response.WriteAsync("""{"object":"list","data":[{"id":"m"}]}""");
    private RequestDelegate _metrics = context => { context.Response.StatusCode = 404; return Task.CompletedTask; };

    public VllmProbeTests()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _engine = builder.Build();
        _engine.MapGet("/health", context => _health(context));
        _engine.MapGet("/v1/models", context => _models(context));
        _engine.MapGet("/metrics", context => _metrics(context));
    }

    public async ValueTask InitializeAsync() => await _engine.StartAsync();

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _engine.StopAsync();
        await _engine.DisposeAsync();
    }

    private Uri Address => new(_engine.Urls.Single());

    [Fact]
    public async Task A_healthy_engine_reports_models_and_load()
    {
        byte[] page = RecordedData.Read("metrics/vllm_0.28.0_v1_queued_part.prom");
        _metrics = context => context.Response.Body.WriteAsync(page).AsTask();
        var report = await new VllmProbe(_http).ProbeAsync(Address, default);
        Assert.Equal(["m"], report.Models);
        Assert.Equal((2, 12, 55552L, 96L, 0L), (report.Running, report.Waiting, report.KvCapacityTokens, report.PrefixQueryTokens, report.PrefixHitTokens));
        Assert.Equal(0.004618937644341847, report.KvUsage);
        Assert.Equal(1788778629.7, report.StartedAtSeconds);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_engine_without_metrics_is_healthy_and_its_load_unknown(bool throughHttpClient)
    {
        using var http = throughHttpClient ? new HttpClient(new SocketsHttpHandler { UseProxy = false }) : new HttpMessageInvoker(new SocketsHttpHandler { UseProxy = false });
        var report = await new VllmProbe(http).ProbeAsync(Address, default);
        Assert.Equal(["m"], report.Models);
        Assert.Null(report.Running ?? report.Waiting);
    }

    [Fact]
    public async Task The_engines_key_goes_along()
    {
        var seen = new List<string>();
        _health = context => { seen.Add(context.Request.Headers.Authorization.ToString()); return Task.CompletedTask; };
        await new VllmProbe(_http, "k-1").ProbeAsync(Address, default);
        await new VllmProbe(_http).ProbeAsync(Address, default);
        Assert.Equal(["Bearer k-1", ""], seen);
    }

    [Fact]
    public async Task A_dead_engine_is_unhealthy_by_its_status()
    {
        _health = context => { context.Response.StatusCode = 503; return Task.CompletedTask; };
        Assert.Equal($"GET {Address}health: 503 ServiceUnavailable", await TroubleAsync());
    }

    [Fact]
    public async Task An_engine_that_wants_a_key_says_where_to_give_it()
    {
        _models = context => { context.Response.StatusCode = 401; return Task.CompletedTask; };
        Assert.Equal($"GET {Address}v1/models: 401 Unauthorized: the engine wants a key; name its environment variable in engineApiKeyEnv", await TroubleAsync());
    }

    [Fact]
    public async Task Garbage_for_models_is_unhealthy()
    {
        _models = context => context.Response.WriteAsync("<html>\nloading</html>");
        Assert.StartsWith($"GET {Address}v1/models: the answer is no model list: ", await TroubleAsync());
    }

    [Fact]
    public async Task An_endless_answer_is_cut_at_its_bound()
    {
        var gone = new TaskCompletionSource();
        _models = async context =>
        {
            byte[] noise = new byte[1 << 16];
            try
            {
                while (true) await context.Response.Body.WriteAsync(noise, context.RequestAborted);
            }
            catch (Exception) when (context.RequestAborted.IsCancellationRequested)
            {
                gone.SetResult();
            }
        };
        Assert.Equal($"GET {Address}v1/models: the answer is larger than 4,194,304 bytes", await TroubleAsync());
        await gone.Task;
    }

    [Fact]
    public async Task A_connection_cut_in_the_answer_is_unhealthy()
    {
        _metrics = async context =>
        {
            await context.Response.WriteAsync("vllm:num_requests_running 1\n");
            await context.Response.Body.FlushAsync();
            context.Abort();
        };
        Assert.StartsWith($"GET {Address}metrics: ", await TroubleAsync());
    }

    [Fact]
    public async Task Nobody_listening_is_unhealthy()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        listener.Stop();
        var trouble = await Assert.ThrowsAsync<EngineUnhealthyException>(() => new VllmProbe(_http).ProbeAsync(address, default));
        Assert.Equal($"GET {address}health: Connection refused", trouble.Message);
    }

    [Fact]
    public async Task A_server_that_speaks_no_http_is_unhealthy()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        var probe = new VllmProbe(_http).ProbeAsync(address, default);
        using var connection = await listener.AcceptTcpClientAsync();
        await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes("SSH-2.0-OpenSSH_9.2\r\n\r\n"));
        var trouble = await Assert.ThrowsAsync<EngineUnhealthyException>(() => probe);
        Assert.StartsWith($"GET {address}health: ", trouble.Message);
        Assert.DoesNotContain('\n', trouble.Message);
    }

    [Fact]
    public async Task A_callers_cancellation_stays_a_cancellation()
    {
        using var stop = new CancellationTokenSource();
        var asked = new TaskCompletionSource();
        _health = async context => { asked.SetResult(); await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }); };
        var probe = new VllmProbe(_http).ProbeAsync(Address, stop.Token);
        await asked.Task;
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => probe);
    }

    private async Task<string> TroubleAsync()
    {
        var trouble = await Assert.ThrowsAsync<EngineUnhealthyException>(() => new VllmProbe(_http).ProbeAsync(Address, default));
        Assert.DoesNotContain('\n', trouble.Message);
        return trouble.Message;
    }
}
