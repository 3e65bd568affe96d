using System.Text.RegularExpressions;
using FleetRouter.Gateway.Tests.Hostile;

namespace FleetRouter.Gateway.Tests.Hedging;

/// <summary>How much an engine says before it falls silent.</summary>
public enum Said
{
    Nothing,
    Head,
    Role,
}

/// <summary>An engine that answers every request at once, with its name, but for those a test holds.</summary>
internal sealed class HeldEngine : IAsyncDisposable
{
    private const string Role = "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";

    private readonly string _name;
    private readonly RawEngine _raw;
    private Hold? _next;

    public HeldEngine(string name) => (_name, _raw) = (name, new RawEngine(AnswerAsync));

    public Uri Address => _raw.Address;

    public int Calls => _raw.Calls.Count;

    /// <summary>Holds the next request it gets.</summary>
    public Hold HoldNext(Said said) => _next = new Hold(said);

    private async Task AnswerAsync(RawCall call)
    {
        string[] said = ["", RawEngine.StreamHead, RawEngine.StreamHead + Role];
        string answer = said[2] + Chunk($"\"content\":\"from {_name}\"", "null") + Chunk("", "\"stop\"") + "data: [DONE]\n\n";
        if (Interlocked.Exchange(ref _next, null) is { } hold)
        {
            string before = said[(int)hold.Said];
            await call.WriteAsync(before);
            hold.Began.SetResult(Regex.Match(call.Head, "(?i)x-request-id: (\\S+)").Groups[1].Value);
            Task<int> leaves = call.Stream.ReadAsync(new byte[1], call.Stop).AsTask();
            if (await Task.WhenAny(leaves, hold.Ends.Task) == leaves)
            {
                hold.Left.SetResult();
                return;
            }
            answer = await hold.Ends.Task switch { Ending.Answers => answer[before.Length..], Ending.Sheds when before.Length == 0 => RawEngine.Json("{}", 503), _ => "" };
        }
        await call.WriteAsync(answer);
    }

    private static string Chunk(string delta, string finish) =>
        $"data: {{\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{{delta}}},\"finish_reason\":{finish}}}]}}\n\n";

    public ValueTask DisposeAsync() => _raw.DisposeAsync();
}

/// <summary>How a held request ends.</summary>
public enum Ending
{
    Answers,
    Sheds,
    Breaks,
}

/// <summary>A request that an engine holds.</summary>
internal sealed class Hold(Said said)
{
    public Said Said => said;

    /// <summary>It is there, under this id.</summary>
    public TaskCompletionSource<string> Began { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The gateway dropped the connection.</summary>
    public TaskCompletionSource Left { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>It goes on.</summary>
    public TaskCompletionSource<Ending> Ends { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
