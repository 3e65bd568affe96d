using System.Net;
using System.Text.Json;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Hosting.Journal;

namespace FleetRouter.Gateway.Admin;

/// <summary>Asks a running gateway's admin API, for the verbs that talk to one.</summary>
internal sealed class AdminClient(Uri address, TimeSpan patience) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = address, Timeout = patience };

    /// <summary>The option that names the admin API.</summary>
    public static System.CommandLine.Option<string> AddressOption(string description)
    {
        var url = new System.CommandLine.Option<string>("--url", "--admin")
        {
            Description = description, HelpName = "URL", DefaultValueFactory = _ => OptionTable.Defaults.AdminListen.GetLeftPart(UriPartial.Authority),
        };
        url.Validators.Add(result =>
        {
            if (TextKinds.EngineUrl.Parse(result.GetValueOrDefault<string>()!).What is not null)
                result.AddError("--url takes http://HOST:PORT, the gateway's option admin.listen");
        });
        return url;
    }

    /// <summary>What the admin API answers.</summary>
    /// <exception cref="IOException">It cannot be reached, does not know what is asked for, or is no admin API; the message says which.</exception>
    public async Task<T> AskAsync<T>(HttpMethod method, string path, CancellationToken cancellation)
    {
        try
        {
            using var request = new HttpRequestMessage(method, path);
            using HttpResponseMessage answer = await _http.SendAsync(request, cancellation);
            string text = await answer.Content.ReadAsStringAsync(cancellation);
            if (answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.BadRequest && text.Contains("\"error\"", StringComparison.Ordinal))
                throw new IOException(JsonDocument.Parse(text).RootElement.GetProperty("error").GetProperty("message").GetString());
            return answer.IsSuccessStatusCode && JsonSerializer.Deserialize<T>(text, JournalJson.Options) is { } value
                ? value
                : throw new IOException($"{address} answers {(int)answer.StatusCode}; give the admin API's address (option admin.listen)");
        }
        catch (Exception trouble) when (trouble is HttpRequestException or OperationCanceledException or JsonException && !cancellation.IsCancellationRequested)
        {
            throw new IOException($"{address} does not answer as a gateway's admin API ({trouble.Message.ReplaceLineEndings(" ")}); give its address by --url", trouble);
        }
    }

    public void Dispose() => _http.Dispose();
}
