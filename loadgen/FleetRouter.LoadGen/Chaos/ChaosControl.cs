using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using FleetRouter.LoadGen.Demo;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>What one instance is, as the gateway tells it.</summary>
internal readonly record struct InstanceReading(string Id, string State, int Leases);

/// <summary>The levers: faults at the engines, the gateway's admin API and metrics. A call that fails says so by its result.</summary>
internal sealed class ChaosControl(DemoFleet fleet) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, PooledConnectionLifetime = TimeSpan.FromSeconds(10) }) { Timeout = TimeSpan.FromSeconds(5) };

    public int Engines => fleet.Addresses.Count;

    public string NameOf(int engine) => fleet.Instances[engine];

    /// <summary>Gives an engine a fault, as the stand-ins' --docs describe it.</summary>
    public Task<bool> Fault(int engine, string json) => Do(() => new HttpRequestMessage(HttpMethod.Post, new Uri(fleet.Addresses[engine], "/sim/faults"))
    {
        Content = new StringContent(json, Encoding.UTF8, "application/json"),
    });

    /// <summary>Takes all faults of an engine back.</summary>
    public Task<bool> Clear(int engine) => Do(() => new HttpRequestMessage(HttpMethod.Delete, new Uri(fleet.Addresses[engine], "/sim/faults")));

    /// <summary>Drains an instance, or takes that back. False where the gateway has no such call.</summary>
    /// <param name="engine">Index of its engine.</param>
    /// <param name="drains">Whether it is to be emptied.</param>
    /// <param name="within">How long that may take, as the admin API takes it; empty for the gateway's own.</param>
    public Task<bool> Drain(int engine, bool drains, string within = "") => Do(() =>
        new HttpRequestMessage(drains ? HttpMethod.Post : HttpMethod.Delete, new Uri(fleet.Admin, $"/admin/fleet/{DemoFleet.Pool}/instances/{NameOf(engine)}/drain{(within.Length > 0 ? "?within=" + within : "")}")));

    /// <summary>Requests an engine has, running and waiting; null if it does not answer.</summary>
    public Task<int?> Load(int engine) => Read<int?>(new Uri(fleet.Addresses[engine], "/sim/state"),
        state => state.GetProperty("running").GetInt32() + state.GetProperty("waiting").GetInt32(), null);

    /// <summary>The instances as the gateway sees them; empty if it does not answer.</summary>
    public Task<IReadOnlyList<InstanceReading>> Instances() => Read<IReadOnlyList<InstanceReading>>(PoolPage, pool =>
    [
        .. pool.GetProperty("instances").EnumerateArray().Select(instance => new InstanceReading(
            instance.GetProperty("id").GetString()!, instance.GetProperty("state").GetString()!, instance.GetProperty("leases").GetInt32())),
    ], []);

    /// <summary>Requests that wait, in the gateway or in an engine; 0 if it does not answer.</summary>
    public Task<int> Waiting() => Read(PoolPage, pool => pool.GetProperty("held").GetInt32() + pool.GetProperty("instances").EnumerateArray()
        .Sum(instance => instance.TryGetProperty("engineWaiting", out var waiting) && waiting.ValueKind == JsonValueKind.Number ? waiting.GetInt32() : 0), 0);

    /// <summary>When requests were sent to an instance, by the gateway's log of its latest decisions.</summary>
    public Task<IReadOnlyList<DateTimeOffset>> Dispatches(int engine) => Read<IReadOnlyList<DateTimeOffset>>(new Uri(fleet.Admin, "/admin/decisions?limit=8192"), decisions =>
    [
        .. decisions.EnumerateArray()
            .Where(dated => dated.GetProperty("decision").TryGetProperty("instance", out var instance) && instance.GetString() == NameOf(engine))
            .Select(dated => dated.GetProperty("time").GetDateTimeOffset()),
    ], []);

    /// <summary>The gateway's metrics; without a sample if it does not answer.</summary>
    public async Task<MetricsReading> Metrics()
    {
        try { return MetricsReading.Of(await _http.GetStringAsync(new Uri(fleet.Target.Address, "/metrics"))); }
        catch (Exception wrong) when (IsOfTheWire(wrong)) { return MetricsReading.Of(""); }
    }

    private Uri PoolPage => new(fleet.Admin, $"/admin/fleet/{DemoFleet.Pool}");

    private async Task<T> Read<T>(Uri page, Func<JsonElement, T> what, T otherwise)
    {
        try
        {
            using var json = JsonDocument.Parse(await _http.GetByteArrayAsync(page));
            return what(json.RootElement);
        }
        catch (Exception wrong) when (IsOfTheWire(wrong)) { return otherwise; }
    }

    private async Task<bool> Do(Func<HttpRequestMessage> call)
    {
        try
        {
            using var message = call();
            message.Headers.Connection.Add("close");
            using var answer = await _http.SendAsync(message);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception wrong) when (IsOfTheWire(wrong)) { return false; }
    }

    private static bool IsOfTheWire(Exception wrong) => wrong is HttpRequestException or SocketException or IOException or OperationCanceledException or JsonException;

    public void Dispose() => _http.Dispose();
}
