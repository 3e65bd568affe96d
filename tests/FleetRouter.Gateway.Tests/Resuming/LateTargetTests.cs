using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Tests;
using FleetRouter.Gateway.Resuming;
using FleetRouter.Hosting;

namespace FleetRouter.Gateway.Tests.Resuming;

/// <summary>A target that is later than the tokens in hand last: the source goes on, and the cut is tried again.</summary>
public sealed class LateTargetTests
{
    private const int Tokens = 800;
    private const string Body = """{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}""";

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    public async Task The_source_goes_on_and_the_cut_is_tried_again(int lateCuts, int cuts)
    {
        var script = new Script([1, 2, 3], [.. Enumerable.Range(0, Tokens).Select(i => Encoding.UTF8.GetBytes($"{i} "))], [], 0, 10_000);
        var engine = new ScriptedEngine(script, new SplitMix64(1), mostCuts: 0);
        using var late = new LateEngine(engine, lateCuts);
        using ResumableRequest request = await ResumableRequest.PlacedAsync(Body, ApiKind.Chat, late);
        FleetRouter.Hosting.Placement first = request.Attempt.Placement;
        var source = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        Task fed = FeedAsync(engine.Stream(request.Path, request.Body), source.Writer);
        await using var stream = new ResumableStream(source.Reader.AsStream(), request.Attempt);
        using var lines = new StreamReader(stream);
        var text = new StringBuilder();
        for (int tokens = 0; await lines.ReadLineAsync() is { } line;)
        {
            if (!line.StartsWith("data: {", StringComparison.Ordinal))
                continue;
            foreach (JsonElement choice in JsonDocument.Parse(line["data: ".Length..]).RootElement.GetProperty("choices").EnumerateArray())
                text.Append(choice.GetProperty("delta").TryGetProperty("content", out JsonElement piece) ? piece.GetString() : "");
            if (++tokens == 8)
                request.Wish.Ask(new CarryOver(first.Instance!, new FleetRouter.Hosting.Placement("other", new Uri("http://other"), null, first.Attempt), AtOnce: false));
        }
        Assert.Equal(script.TextOf(Tokens), text.ToString());
        Assert.Equal([], engine.Faults);
        Assert.Equal((1, cuts, "other"), (late.Warmed, late.Cuts, request.Attempt.Placement.Instance));
        Assert.Equal(late.Ids.Count, late.Ids.Distinct().Count());
        await fed;
    }

    /// <summary>A target whose first cuts are not answered until they are given up.</summary>
    private sealed class LateEngine(HttpMessageHandler engine, int late) : DelegatingHandler(engine)
    {
        public int Warmed { get; private set; }
        public int Cuts { get; private set; }
        public List<string> Ids { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Ids.Add(request.Headers.GetValues("X-Request-Id").Single());
            request.Content = new ByteArrayContent(await request.Content!.ReadAsByteArrayAsync(cancellationToken));   // read here and by the engine
            bool warms = JsonDocument.Parse(request.Content.ReadAsStream(cancellationToken)).RootElement.TryGetProperty("max_tokens", out JsonElement most) && most.ValueKind == JsonValueKind.Number;
            request.Content.ReadAsStream(cancellationToken).Position = 0;
            if (warms)
                Warmed++;
            else if (++Cuts <= late)
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            return await base.SendAsync(request, cancellationToken);
        }
    }

    /// <summary>An engine that makes an event a millisecond, read or not.</summary>
    private static async Task FeedAsync(Stream whole, PipeWriter into)
    {
        string[] events = (await new StreamReader(whole).ReadToEndAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        foreach (string one in events)
        {
            await Task.Delay(1);
            if ((await into.WriteAsync(Encoding.UTF8.GetBytes(one + "\n\n"))).IsCompleted)
                return;   // let go
        }
        await into.CompleteAsync();
    }
}
