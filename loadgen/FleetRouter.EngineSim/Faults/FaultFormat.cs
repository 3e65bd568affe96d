using System.Globalization;
using System.Text.Json;
using FleetRouter.EngineSim.Http;

namespace FleetRouter.EngineSim.Faults;

/// <summary>Faults as JSON, and their documentation.</summary>
internal static class FaultFormat
{
    public const string Documentation = """
        Faults on demand. Each engine takes them on its own port:

          POST   /sim/faults   {"kind":"cut","after_tokens":5,"times":1}
          GET    /sim/faults   the faults that still strike
          DELETE /sim/faults   takes all back
          GET    /sim/state    running, waiting, KV blocks, counters

        kind        strikes                                    fields
        reject      a request: 503, as if a queue cap held     times
        error       a request: 500, as if the core had died    times
        cut         a request: connection closed after         after_tokens (0), mid_chunk (false), times
                    some tokens, between two HTTP chunks or
                    in the middle of one; an unstreamed
                    answer is cut in half
        stall       a request: silence after some tokens,      after_tokens (0), times
                    until the client leaves
        garbage     a request: bytes that are no HTTP, no      form: http | json | sse, after_tokens (0), times
                    JSON, or a broken event in the stream
        empty       a request: closed without a byte           times
        unhealthy   GET /health: 503, until taken back
        slow        the engine: steps take longer, until       factor (10)
                    taken back
        crash       the engine: listener and connections       restart_after_s (never)
                    close, cache and counters are lost
        restart     the engine: a crash, then up at once

        times: requests it strikes; without it, all until DELETE. Where several faults wait, the oldest strikes.
        Requests are POST calls of /v1/chat/completions, /v1/completions, /v1/responses and /v1/embeddings.
        """;

    public static Fault Read(RequestBody body)
    {
        string kind = body.Text("kind") ?? throw ApiException.Missing("kind");
        return new Fault(Parse<FaultKind>("kind", kind))
        {
            Times = body.Integer("times"),
            AfterTokens = body.Integer("after_tokens") ?? 0,
            MidChunk = body.Flag("mid_chunk", false),
            Form = body.Text("form") is { } form ? Parse<GarbageForm>("form", form) : GarbageForm.Http,
            Factor = body.Number("factor") ?? 10,
            RestartAfterSeconds = body.Number("restart_after_s"),
        };
    }

    public static void Write(Utf8JsonWriter json, Fault fault)
    {
        json.WriteStartObject();
        json.WriteString("kind", fault.Kind.ToString().ToLowerInvariant());
        if (fault.Times is { } times)
            json.WriteNumber("times", times);
        if (fault.Kind is FaultKind.Cut or FaultKind.Stall or FaultKind.Garbage)
            json.WriteNumber("after_tokens", fault.AfterTokens);
        if (fault.Kind == FaultKind.Cut)
            json.WriteBoolean("mid_chunk", fault.MidChunk);
        if (fault.Kind == FaultKind.Garbage)
            json.WriteString("form", fault.Form.ToString().ToLowerInvariant());
        if (fault.Kind == FaultKind.Slow)
            json.WriteNumber("factor", fault.Factor);
        json.WriteEndObject();
    }

    private static T Parse<T>(string field, string value) where T : struct, Enum =>
        Enum.TryParse<T>(value, ignoreCase: true, out var parsed) && !int.TryParse(value, CultureInfo.InvariantCulture, out _)
            ? parsed
            : throw ApiException.BadRequest($"{field} is '{value}'; it must be one of {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()}", field);
}
