using System.CommandLine;
using System.Net;
using System.Text.Json;
using FleetRouter.Gateway.Admin;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Hosting.Journal;

namespace FleetRouter.Gateway.Why;

/// <summary><c>why</c>: tells why a request went where it went, from a journal or a running gateway.</summary>
internal static class WhyVerb
{
    public static Command Command()
    {
        var request = new Argument<string?>("REQUEST-ID")
        {
            Description = "The x-request-id of the answer: the router's id, or the client's own. Without one --journal is only replayed.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var journal = new System.CommandLine.Option<string?>("--journal") { Description = "Journal to replay: the folder that option journal.path names, or one of its files.", HelpName = "PATH" };
        var url = new System.CommandLine.Option<string>("--url")
        {
            Description = "Without --journal: the running gateway's admin API to ask.", HelpName = "URL",
            DefaultValueFactory = _ => OptionTable.Defaults.AdminListen.GetLeftPart(UriPartial.Authority),
        };
        url.Validators.Add(result =>
        {
            if (TextKinds.EngineUrl.Parse(result.GetValueOrDefault<string>()).What is not null)
                result.AddError("--url takes http://HOST:PORT, the gateway's option admin.listen");
        });
        var json = new System.CommandLine.Option<string?>("--json") { Description = "Write the answer to this file too.", HelpName = "FILE" };
        var command = new Command("why", "Tell why a request went where it went; exit code 0 only if it is known and a replay decides the same.") { request, journal, url, json };
        command.Validators.Add(result =>
        {
            if (result.GetValue(request) is null && result.GetValue(journal) is null)
                result.AddError("give a REQUEST-ID, or --journal PATH to replay a journal");
        });
        command.SetAction((parsed, cancellation) => RunAsync(
            parsed.GetValue(request), parsed.GetValue(journal), new Uri(parsed.GetValue(url)!), parsed.GetValue(json), Console.Out, Console.Error, cancellation));
        return command;
    }

    internal static async Task<int> RunAsync(
        string? request, string? journal, Uri url, string? json, TextWriter output, TextWriter errors, CancellationToken cancellation)
    {
        try
        {
            WhyAnswer answer = journal is not null ? JournalStories.Find(journal, request) : await AskAsync(url, request!, cancellation);
            WhyText.Write(answer, output);
            if (json is not null)
                await File.WriteAllTextAsync(json, JsonSerializer.Serialize(answer, new JsonSerializerOptions(JournalJson.Options) { WriteIndented = true }) + "\n", cancellation);
            if (request is not null && answer.Story is null)
                return Fail(errors, $"no request '{request}' in {journal}; ids are in the answers' x-request-id");
            return answer.Replays.Any(r => r.FirstDifference is not null) ? Fail(errors, "the replay decided otherwise than the journal says: another release wrote it, or a file was changed") : 0;
        }
        catch (Exception trouble) when (trouble is IOException or UnauthorizedAccessException)
        {
            return Fail(errors, trouble.Message.ReplaceLineEndings(" "));
        }
    }

    private static async Task<WhyAnswer> AskAsync(Uri url, string request, CancellationToken cancellation)
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = url, Timeout = TimeSpan.FromSeconds(10) };
        try
        {
            using HttpResponseMessage answer = await client.GetAsync($"/admin/decisions/{Uri.EscapeDataString(request)}", cancellation);
            string text = await answer.Content.ReadAsStringAsync(cancellation);
            if (answer.StatusCode == HttpStatusCode.NotFound && text.Contains("\"error\"", StringComparison.Ordinal))
                throw new IOException(JsonDocument.Parse(text).RootElement.GetProperty("error").GetProperty("message").GetString() + "; with --journal PATH older ones are found");
            if (!answer.IsSuccessStatusCode || JsonSerializer.Deserialize<DatedDecision>(text, JournalJson.Options) is not { } latest)
                throw new IOException($"{url} answers {(int)answer.StatusCode}; give the admin API's address (option admin.listen)");
            DatedDecision[] all = [.. (latest.Earlier ?? []).Reverse(), latest];
            return new WhyAnswer(
                new RequestStory(latest.Decision.RequestId, latest.Decision.ClientId, [.. all.Select(d => new StoryStep(d.Time, DecisionWords.Outcome(d.Decision), d.Decision))]), [], []);
        }
        catch (Exception trouble) when (trouble is HttpRequestException or OperationCanceledException or JsonException && !cancellation.IsCancellationRequested)
        {
            throw new IOException($"{url} does not answer as a gateway's admin API ({trouble.Message.ReplaceLineEndings(" ")}); give its address by --url, or a journal by --journal", trouble);
        }
    }

    private static int Fail(TextWriter errors, string message)
    {
        errors.WriteLine("fleet why: " + message);
        return 1;
    }
}
