using System.CommandLine;
using System.Text.Json;
using FleetRouter.Gateway.Admin;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Hosting.Journal;
using FleetRouter.Storage;
using FleetRouter.Storage.Journal;

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
        var database = new System.CommandLine.Option<string?>("--database") { Description = "Journals in a database to replay, of all gateways: where its connection string is, as in option database.connectionString.", HelpName = "env:VARIABLE" };
        System.CommandLine.Option<string> url = AdminClient.AddressOption("Without --journal or --database: the running gateway's admin API to ask.");
        var json = new System.CommandLine.Option<string?>("--json") { Description = "Write the answer to this file too.", HelpName = "FILE" };
        var command = new Command("why", "Tell why a request went where it went; exit code 0 only if it is known and a replay decides the same.") { request, journal, database, url, json };
        command.Validators.Add(result =>
        {
            if (result.GetValue(request) is null && result.GetValue(journal) is null && result.GetValue(database) is null)
                result.AddError("give a REQUEST-ID, or --journal PATH or --database to replay a journal");
            if (result.GetValue(journal) is not null && result.GetValue(database) is not null)
                result.AddError("give --journal or --database, not both");
            if (result.GetValue(database) is { } place && TextKinds.Secret.Parse(place).What is not null)
                result.AddError("--database takes env:VARIABLE or file:PATH");
        });
        command.SetAction(async (parsed, cancellation) => parsed.GetValue(database) is { } place
            ? await FromDatabaseAsync(parsed.GetValue(request), TextKinds.Secret.Parse(place).Value!, parsed.GetValue(json), Console.Out, Console.Error, cancellation)
            : await RunAsync(parsed.GetValue(request), parsed.GetValue(journal), new Uri(parsed.GetValue(url)!), parsed.GetValue(json), Console.Out, Console.Error, cancellation));
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
            if (answer.Replays.Any(r => r.FirstDifference is not null))
                return Fail(errors, "the replay decided otherwise than the journal says: another release wrote it, or a file was changed");
            return answer.Replays.Any(r => r.LoadMismatches > 0) ? Fail(errors, "a pool's load was not the sum over its gateways: report it, with the journal") : 0;
        }
        catch (Exception trouble) when (trouble is IOException or UnauthorizedAccessException)
        {
            return Fail(errors, trouble.Message.ReplaceLineEndings(" "));
        }
    }

    /// <summary>Fetches the database's journals into a folder, and answers from there.</summary>
    internal static async Task<int> FromDatabaseAsync(
        string? request, SecretSource place, string? json, TextWriter output, TextWriter errors, CancellationToken cancellation)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("fleet-why-");
        try
        {
            int runs = await PostgresJournals.ExportAsync(DatabaseAddress.Parse(place.Read(), place.ToString()), folder.FullName, cancellation);
            return runs == 0
                ? Fail(errors, "the database has no journal; option database.journal keeps one")
                : await RunAsync(request, folder.FullName, new Uri("http://localhost"), json, output, errors, cancellation);
        }
        catch (IOException trouble)
        {
            return Fail(errors, trouble.Message.ReplaceLineEndings(" "));
        }
        finally
        {
            folder.Delete(recursive: true);
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
