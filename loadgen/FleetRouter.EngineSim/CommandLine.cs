using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using FleetRouter.EngineSim.Faults;
using FleetRouter.Simulation.Engine;

namespace FleetRouter.EngineSim;

/// <summary>The command line: options in, a running fleet until a signal.</summary>
internal static class CommandLine
{
    private static readonly EngineSimOptions Defaults = new();

    private static readonly Option<int> Count = Of("--count", "Number of engines, 1 to 1000.", 1);
    private static readonly Option<string> Host = Of("--host", "IP address to listen on.", Defaults.Host);
    private static readonly Option<int> Port = Of("--port", "Port of the first engine, the others follow; 0 gives each a free one.", 0);
    private static readonly Option<string> Model = Of("--model", "Name of the served model.", Defaults.Model);
    private static readonly Option<string> Profile = Of(
        "--profile", "Model and hardware whose timing the engines have: " + string.Join(", ", EngineProfile.All.Select(profile => profile.Name)) + ".", Defaults.Profile.Name);
    private static readonly Option<double> TimeScale = Of("--time-scale", "Engine seconds in a second of the wall clock, above 0.", 1.0);
    private static readonly Option<ulong> Seed = Of("--seed", "Seed of the answers' natural lengths; equal in engines that shall agree.", 1ul);
    private static readonly Option<int?> MaxSequences = Of<int?>("--max-num-seqs", "Requests in one batch. Default: the profile's.", null);
    private static readonly Option<int?> MaxQueuedRequests = Of<int?>("--max-num-queued-reqs", "Requests that may wait; one more gets 503. Default: no cap.", null);
    private static readonly Option<int?> MaxQueuedTokens = Of<int?>("--max-num-queued-tokens", "Prompt tokens that may wait; more get 503. Default: no cap.", null);
    private static readonly Option<int?> KvBlocks = Of<int?>("--kv-blocks", "Blocks of 16 tokens in the KV cache. Default: the profile's.", null);
    private static readonly Option<int?> MaxModelLength = Of<int?>("--max-model-len", "Longest context in tokens. Default: the model's, as far as the KV cache holds it.", null);
    private static readonly Option<string?> ApiKey = Of<string?>("--api-key", "Bearer token that /v1 calls must carry. Default: none.", null);
    private static readonly Option<string[]> LoraModules = new("--lora-module", "--lora-modules")
    {
        Description = "Name of an adapter listed beside the model; may be given several times.", AllowMultipleArgumentsPerToken = true,
    };
    private static readonly Option<bool> ReadyJson = Of("--ready-json", "Print one JSON line, {\"engines\":[...],\"model\":\"...\"}, when all listen, and nothing else.", false);
    private static readonly Option<bool> ExitWithParent = Of("--exit-with-parent", "Stop when standard input closes.", false);
    private static readonly Option<bool> Docs = Of("--docs", "Print how to make faults happen, and exit.", false);

    public static Task<int> RunAsync(string[] args)
    {
        var root = new RootCommand(
            "vLLM-shaped engines without a model: real endpoints, streams and metrics, timing from an engine model.\n\n" + FaultFormat.Documentation)
        {
            Count, Host, Port, Model, Profile, TimeScale, Seed, MaxSequences, MaxQueuedRequests, MaxQueuedTokens, KvBlocks,
            MaxModelLength, ApiKey, LoraModules, ReadyJson, ExitWithParent, Docs,
        };
        root.SetAction(RunAsync);
        // The signals are handled below, where the fleet is closed.
        return root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancelled)
    {
        if (parsed.GetValue(Docs))
        {
            Console.WriteLine(FaultFormat.Documentation);
            return 0;
        }
        try
        {
            var options = Read(parsed);
            var stop = new TaskCompletionSource();
            using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
            using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
            await using var fleet = await EngineFleet.StartAsync(options);
            Announce(fleet, options, parsed.GetValue(ReadyJson));
            if (parsed.GetValue(ExitWithParent))
                _ = WatchInputAsync(stop);
            await stop.Task;
            return 0;

            void Stop(PosixSignalContext signal)
            {
                signal.Cancel = true;
                stop.TrySetResult();
            }
        }
        catch (Exception error) when (error is ArgumentException or IOException)
        {
            foreach (string line in error.Message.Split('\n'))
                await Console.Error.WriteLineAsync($"engine-sim: {line}");
            return 2;
        }
    }

    private static EngineSimOptions Read(ParseResult parsed) => new()
    {
        Count = parsed.GetValue(Count),
        Host = parsed.GetValue(Host)!,
        Port = parsed.GetValue(Port),
        Model = parsed.GetValue(Model)!,
        Profile = EngineProfile.Named(parsed.GetValue(Profile)!),
        TimeScale = parsed.GetValue(TimeScale),
        Seed = parsed.GetValue(Seed),
        ApiKey = parsed.GetValue(ApiKey),
        LoraModules = parsed.GetValue(LoraModules) ?? [],
        Limits = new EngineLimits
        {
            MaxSequences = parsed.GetValue(MaxSequences),
            MaxQueuedRequests = parsed.GetValue(MaxQueuedRequests),
            MaxQueuedTokens = parsed.GetValue(MaxQueuedTokens),
            KvBlocks = parsed.GetValue(KvBlocks),
            MaxModelLength = parsed.GetValue(MaxModelLength),
        },
    };

    private static void Announce(EngineFleet fleet, EngineSimOptions options, bool json)
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { engines = fleet.Instances.Select(Name), model = options.Model }));
            return;
        }
        foreach (var instance in fleet.Instances)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{instance.Name}  {Name(instance)}  {options.Model}  {options.Profile.Name}  x{options.TimeScale}"));

        static string Name(EngineInstance instance) => instance.Address.GetLeftPart(UriPartial.Authority);
    }

    private static async Task WatchInputAsync(TaskCompletionSource stop)
    {
        using var input = Console.OpenStandardInput();
        var ignored = new byte[256];
        while (await input.ReadAsync(ignored) > 0)
        {
        }
        stop.TrySetResult();
    }

    private static Option<T> Of<T>(string name, string description, T value) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };
}
