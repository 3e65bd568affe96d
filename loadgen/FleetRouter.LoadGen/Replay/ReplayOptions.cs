using System.CommandLine;
using System.CommandLine.Parsing;
using FleetRouter.LoadGen.Client;
using FleetRouter.Simulation.Traces;
using static FleetRouter.LoadGen.OptionKinds;

namespace FleetRouter.LoadGen.Replay;

/// <summary>The replay verb's options: each with its default, unit and range.</summary>
internal sealed class ReplayOptions
{
    public Option<string> Trace { get; } = TraceFile();

    public Option<Uri> Target { get; } = new("--target")
    {
        Description = "Base address of the gateway or engine, without /v1.",
        DefaultValueFactory = _ => new Uri("http://127.0.0.1:8000"),
        CustomParser = ParseAddress,
        HelpName = "URL",
    };

    public Option<string> Model { get; } = new("--model") { Description = "Model to ask for; auto takes the first of /v1/models.", DefaultValueFactory = _ => LoadGen.Client.Target.Auto };

    public Option<string> Format { get; } = FormatOfTrace();

    public Option<string> Endpoint { get; } = OneOf("--endpoint", "Call that carries the requests.", "chat", ["completions"]);

    public Option<int?> Limit { get; } = Count("--limit", "Send at most this many requests, in the file's order (1 or more). Default: all.");
    public Option<int?> Skip { get; } = Count("--skip", "Leave out this many requests at the file's beginning first (1 or more). A session cut by it starts with its next turn.");

    public Option<double> Speed { get; } = Positive("--speed", "Divide session starts and pauses by this (above 0): 2 sends twice as fast.", 1);
    public Option<double> SessionRate { get; } = Positive("--session-rate", "Sessions started per second of trace time, by a Poisson process, where the trace has no absolute starts (above 0).", 0.5);
    public Option<Duration?> MaxThink { get; } = Duration.Option("--max-think", "Cut longer pauses within a session to this, in trace time. Default: none is cut.");
    public Option<bool> NoJitter { get; } = new("--no-jitter") { Description = "Keep Mooncake's arrivals at their ticks of 3 s instead of spreading them within the tick." };

    public Option<int?> MaxOutput { get; } = Count("--max-output", "Ask for at most this many answer tokens (1 or more). Default: the trace's length.");
    public Option<int?> MaxInputTokens { get; } = Count("--max-input-tokens", "Skip, and count, longer prompts (1 or more). Default: only what the model's max_model_len excludes.");

    public Option<ulong> Seed { get; } = SeedOf("texts, jitter and session starts");
    public Option<string?> ApiKeyEnv { get; } = new("--api-key-env") { Description = "Environment variable that holds the API key.", HelpName = "NAME" };

    public Option<Duration> SloTtft { get; } = Duration.Option("--slo-ttft", "SLO on the time to the first token.", TimeSpan.FromSeconds(5));
    public Option<Duration> SloItl { get; } = Duration.Option("--slo-itl", "SLO on the mean time between an answer's tokens.", TimeSpan.FromMilliseconds(100));
    public Option<Duration> Timeout { get; } = Duration.Option("--timeout", "Give a request up after this.", TimeSpan.FromSeconds(600));

    public Option<string?> Json { get; } = JsonFile();
    public Option<string?> Html { get; } = HtmlFile();
    public Option<bool> NoProgress { get; } = WithoutProgress();

    public IEnumerable<Option> All =>
    [
        Trace, Target, Model, Format, Endpoint, Limit, Skip, Speed, SessionRate, MaxThink, NoJitter, MaxOutput, MaxInputTokens,
        Seed, ApiKeyEnv, SloTtft, SloItl, Timeout, Json, Html, NoProgress,
    ];

    private static Uri ParseAddress(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https") return uri;
        result.AddError($"--target must be an address such as http://127.0.0.1:8000, not '{text}'");
        return new Uri("http://127.0.0.1");
    }
}
