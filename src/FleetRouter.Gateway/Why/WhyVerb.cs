using System.CommandLine;
using System.Text.Json;
using FleetRouter.Gateway.Admin;
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
        System.CommandLine.Option<string> url = AdminClient.AddressOption("Without --journal: the running gateway's admin API to ask.");
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
        using var admin = new AdminClient(url, TimeSpan.FromSeconds(10));
        try
        {
            DatedDecision latest = await admin.AskAsync<DatedDecision>(HttpMethod.Get, $"/admin/decisions/{Uri.EscapeDataString(request)}", cancellation);
            DatedDecision[] all = [.. (latest.Earlier ?? []).Reverse(), latest];
            return new WhyAnswer(
                new RequestStory(latest.Decision.RequestId, latest.Decision.ClientId, [.. all.Select(d => new StoryStep(d.Time, DecisionWords.Outcome(d.Decision), d.Decision))]), [], []);
        }
        catch (IOException trouble)
        {
            throw new IOException(trouble.Message + "; with --journal PATH a journal is asked, which knows older ones too", trouble);
        }
    }

    private static int Fail(TextWriter errors, string message)
    {
        errors.WriteLine("fleet why: " + message);
        return 1;
    }
}
