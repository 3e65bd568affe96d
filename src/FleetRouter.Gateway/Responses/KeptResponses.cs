using System.Text.Json;
using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Gateway.Resuming;
using FleetRouter.Hosting.Ports;
using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.Responses;

/// <summary>What a client may want of an answer that was kept for it.</summary>
internal enum KeptWish
{
    Read,
    Delete,
    Cancel,
    InputItems,
}

/// <summary>A call that is about a kept answer.</summary>
/// <param name="Id">The answer's id.</param>
/// <param name="Wish">What is wanted of it; null where the method does not go with the path.</param>
/// <param name="Method">The method that does.</param>
internal readonly record struct KeptCall(string Id, KeptWish? Wish, string Method);

/// <summary><c>/v1/responses/{id}</c> and what is under it.</summary>
internal sealed class KeptResponses(IConversations conversations)
{
    private const string Prefix = "/v1/responses/";
    private const int LongestId = 256;

    /// <summary>Whether a call is about a kept answer.</summary>
    public static bool TryRead(string method, string path, out KeptCall call)
    {
        call = default;
        if (!path.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        string[] parts = path[Prefix.Length..].Split('/');
        (KeptWish Wish, string Method)? wish = parts switch
        {
            [{ Length: > 0 }] when method == "GET" => (KeptWish.Read, method),
            [{ Length: > 0 }] when method == "DELETE" => (KeptWish.Delete, method),
            [{ Length: > 0 }, "cancel"] => (KeptWish.Cancel, "POST"),
            [{ Length: > 0 }, "input_items"] => (KeptWish.InputItems, "GET"),
            _ => null,
        };
        if (wish is not { } known)
            return false;
        call = new KeptCall(parts[0], known.Method == method ? known.Wish : null, known.Method);
        return true;
    }

    /// <summary>Answers a call.</summary>
    /// <exception cref="ConversationsUnavailableException">What keeps the answers is out of reach.</exception>
    public async Task HandleAsync(HttpContext context, KeptCall call, string owner)
    {
        CancellationToken gone = context.RequestAborted;
        if (call.Wish is not { } wish)
        {
            await new ErrorAnswer(405, "invalid_request_error", "method_not_allowed", $"Use {call.Method} for {context.Request.Path.Value}.").WriteAsync(context);
            return;
        }
        if (wish == KeptWish.Delete)
        {
            bool isDeleted = call.Id.Length <= LongestId && await conversations.DeleteAsync(call.Id, owner, gone);
            await (isDeleted ? WriteAsync(context, Deleted(call.Id)) : Unknown(call.Id).WriteAsync(context));
            return;
        }
        StoredResponse? found = call.Id.Length <= LongestId ? await conversations.FindAsync(call.Id, owner, gone) : null;
        if (found is null)
            await Unknown(call.Id).WriteAsync(context);
        else if (wish == KeptWish.Cancel)
            await NotInBackground.WriteAsync(context);
        else if (wish == KeptWish.Read)
            await ReadAsync(context, found);
        else
            await ListAsync(context, found);
    }

    private static Task ReadAsync(HttpContext context, StoredResponse found) => context.Request.Query["stream"] is ["true", ..]
        ? ErrorAnswer.BadRequest("Only answers in the background can be streamed again, and none is offered: read it without 'stream'.", "stream", "unsupported_parameter").WriteAsync(context)
        : WriteAsync(context, found.Body);

    private static async Task ListAsync(HttpContext context, StoredResponse found)
    {
        if (!InputItems.TryRead(context.Request.Query, out InputItems wanted, out ErrorAnswer? error))
        {
            await error!.WriteAsync(context);
            return;
        }
        using var page = new PooledBytes();
        if (wanted.TryWrite(found, page, out error))
            await WriteAsync(context, page.Memory);
        else
            await error!.WriteAsync(context);
    }

    private static byte[] Deleted(string id) => JsonSerializer.SerializeToUtf8Bytes(new { id, @object = "response", deleted = true });

    private static async Task WriteAsync(HttpContext context, ReadOnlyMemory<byte> json)
    {
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = json.Length;
        await context.Response.Body.WriteAsync(json, context.RequestAborted);
    }

    private static ErrorAnswer Unknown(string id) =>
        new(404, "invalid_request_error", null, $"Response with id '{ClientHeaders.Bounded(id)}' not found.");

    private static readonly ErrorAnswer NotInBackground = ErrorAnswer.BadRequest("Cannot cancel a synchronous response.");
}
