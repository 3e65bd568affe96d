using System.Text.Json;
using FleetRouter.Domain.Admission;
using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.FrontDoor;

/// <summary>An error as OpenAI's clients expect it: a status and <c>{"error":{message,type,param,code}}</c>.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Type">Class of error, in OpenAI's words where they have one.</param>
/// <param name="Code">Machine-readable reason.</param>
/// <param name="Message">For people: what, where, what to do. Never holds prompt text.</param>
/// <param name="Param">The field at fault, if one is.</param>
/// <param name="RetryAfter">When it is worth asking again.</param>
internal sealed record ErrorAnswer(
    int Status, string Type, string? Code, string Message, string? Param = null, TimeSpan? RetryAfter = null)
{
    public static ErrorAnswer BadRequest(string message, string? param = null, string? code = null) =>
        new(400, "invalid_request_error", code, message, param);

    public static ErrorAnswer Of(Refusal refusal) => refusal.Kind switch
    {
        RefusalKind.Busy => new(429, "rate_limit_error", refusal.Reason, refusal.Message, null, refusal.RetryAfter),
        RefusalKind.UnknownModel => new(404, "invalid_request_error", refusal.Reason, refusal.Message, "model"),
        _ => new(503, "service_unavailable_error", refusal.Reason, refusal.Message, null, refusal.RetryAfter),
    };

    /// <summary>What keeps conversations is out of reach.</summary>
    public static ErrorAnswer ConversationsAway { get; } = new(503, "service_unavailable_error", "conversations-unavailable",
        "What keeps conversations is out of reach, so earlier turns cannot be read or deleted now. Ask again soon, or without 'previous_response_id'.", null, TimeSpan.FromSeconds(1));

    /// <summary>Writes the answer, unless the response has begun or the client is gone.</summary>
    public async Task WriteAsync(HttpContext context)
    {
        if (context.Response.HasStarted || context.RequestAborted.IsCancellationRequested)
            return;
        context.Response.StatusCode = Status;
        context.Response.ContentType = "application/json";
        if (RetryAfter is { } after)
            context.Response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(after.TotalSeconds)).ToString();
        if (Status is 429 or 503 && Code is not null)
            context.Response.Headers["x-llm-d-request-dropped-reason"] = Code;
        byte[] body = Body();
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    public byte[] Body() => JsonSerializer.SerializeToUtf8Bytes(new { error = new { message = Message, type = Type, param = Param, code = Code } });
}
