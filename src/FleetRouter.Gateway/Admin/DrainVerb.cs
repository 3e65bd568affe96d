using System.CommandLine;
using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Hosting.Journal;

namespace FleetRouter.Gateway.Admin;

/// <summary><c>drain</c>: has a running gateway empty an instance, and waits until it is.</summary>
internal static class DrainVerb
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly ValueKind<TimeSpan> Durations = Quantities.Duration(TimeSpan.Zero, TimeSpan.MaxValue);

    public static Command Command()
    {
        var instance = new Argument<string>("INSTANCE") { Description = "The instance, HOST:PORT as /admin/fleet names it." };
        var pool = new System.CommandLine.Option<string?>("--pool") { Description = "Its pool; needed only where several pools have it.", HelpName = "POOL" };
        System.CommandLine.Option<string> url = AdminClient.AddressOption("The running gateway's admin API.");
        var undo = new System.CommandLine.Option<bool>("--undo") { Description = "Let it take work again." };
        var wait = new System.CommandLine.Option<string>("--wait") { Description = "Longest time to wait until it is empty.", HelpName = "DURATION", DefaultValueFactory = _ => "30s" };
        var within = new System.CommandLine.Option<string>("--within") { Description = "How long it may take: answers that will have ended in half of that are let end, the others are carried over.", HelpName = "DURATION", DefaultValueFactory = _ => Durations.Format(DrainOrdered.Usual) };
        var json = new System.CommandLine.Option<string?>("--json") { Description = "Write the instance's state to this file too.", HelpName = "FILE" };
        Check(wait, DrainEndpoint.Time);
        Check(within, DrainEndpoint.Time);
        var command = new Command("drain", "Give an instance no new work and have what it has go elsewhere; exit code 0 only if it is empty.") { instance, pool, url, undo, within, wait, json };
        command.SetAction((parsed, cancellation) => RunAsync(
            new DrainOrder(parsed.GetValue(instance)!, parsed.GetValue(pool), parsed.GetValue(undo), DrainEndpoint.Time.Parse(parsed.GetValue(within)!).Value, DrainEndpoint.Time.Parse(parsed.GetValue(wait)!).Value),
            new Uri(parsed.GetValue(url)!), parsed.GetValue(json), Console.Out, Console.Error, cancellation));
        return command;
    }

    private static void Check(System.CommandLine.Option<string> option, ValueKind<TimeSpan> kind) => option.Validators.Add(result =>
    {
        if (kind.Parse(result.GetValueOrDefault<string>()!) is { What: { } what, Remedy: { } remedy })
            result.AddError($"{option.Name}: {what}; {remedy}");
    });

    internal static async Task<int> RunAsync(DrainOrder order, Uri url, string? json, TextWriter output, TextWriter errors, CancellationToken cancellation)
    {
        try
        {
            using var admin = new AdminClient(url, order.Wait + Patience);
            string pool = order.Pool ?? await FindPoolAsync(admin, order.Instance, cancellation);
            string path = $"/admin/fleet/{Uri.EscapeDataString(pool)}/instances/{Uri.EscapeDataString(order.Instance)}/drain";
            InstanceView view = await (order.Undo
                ? admin.AskAsync<InstanceView>(HttpMethod.Delete, path, cancellation)
                : admin.AskAsync<InstanceView>(HttpMethod.Post, $"{path}?within={Durations.Format(order.Within)}&wait={Durations.Format(order.Wait)}", cancellation));
            if (json is not null)
                await File.WriteAllTextAsync(json, JsonSerializer.Serialize(view, new JsonSerializerOptions(JournalJson.Options) { WriteIndented = true }) + "\n", cancellation);
            if (!order.Undo && view.Leases > 0)
                return Fail(errors, $"{view.Id} still has {view.Leases} {(view.Leases == 1 ? "request" : "requests")} ({KebabNames.Of(view.State)}: {view.Reason}); it takes no new ones: ask again to wait on, or give --undo");
            output.WriteLine(order.Undo
                ? $"{view.Id} of pool {pool} is {KebabNames.Of(view.State)}: {view.Reason}"
                : $"{view.Id} of pool {pool} is empty and takes no new work ({KebabNames.Of(view.State)}: {view.Reason})");
            return 0;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return Fail(errors, $"told to stop; {order.Instance} goes on emptying itself if the gateway was asked in time");
        }
        catch (Exception trouble) when (trouble is IOException or UnauthorizedAccessException)
        {
            return Fail(errors, trouble.Message.ReplaceLineEndings(" "));
        }
    }

    private static async Task<string> FindPoolAsync(AdminClient admin, string instance, CancellationToken cancellation)
    {
        FleetAnswer fleet = await admin.AskAsync<FleetAnswer>(HttpMethod.Get, "/admin/fleet", cancellation);
        string[] with = [.. fleet.Pools.Where(p => p.Instances.Any(i => i.Id == instance)).Select(p => p.Name)];
        return with.Length switch
        {
            1 => with[0],
            0 => throw new IOException($"no instance is called '{instance}'; known: {string.Join(", ", fleet.Pools.SelectMany(p => p.Instances).Select(i => i.Id))}"),
            _ => throw new IOException($"pools {string.Join(", ", with)} have an instance {instance}; say which by --pool"),
        };
    }

    private static int Fail(TextWriter errors, string message)
    {
        errors.WriteLine("fleet drain: " + message);
        return 1;
    }
}

/// <summary>What is to be drained.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="Pool">Its pool; null to look for it.</param>
/// <param name="Undo">Whether it is to take work again.</param>
/// <param name="Within">How long it may take.</param>
/// <param name="Wait">Longest time to wait until it is empty.</param>
internal sealed record DrainOrder(string Instance, string? Pool, bool Undo, TimeSpan Within, TimeSpan Wait);
