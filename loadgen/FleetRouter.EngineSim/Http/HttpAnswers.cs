using System.Buffers;
using System.Text;
using System.Text.Json;

namespace FleetRouter.EngineSim.Http;

/// <summary>Small answers written whole.</summary>
internal static class HttpAnswers
{
    public static async Task WriteJsonAsync(this HttpContext context, byte[] body)
    {
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        await context.Response.BodyWriter.WriteAsync(body);
    }

    public static Task WriteJsonAsync(this HttpContext context, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, PlainJson.Options))
            write(json);
        return context.WriteJsonAsync(buffer.WrittenSpan.ToArray());
    }

    public static Task WriteErrorAsync(this HttpContext context, ApiException error)
    {
        if (context.Response.HasStarted)
            return Task.CompletedTask;
        context.Response.StatusCode = error.Status;
        return context.WriteJsonAsync(error.Write);
    }

    public static async Task WriteTextAsync(this HttpContext context, string text, string contentType)
    {
        var body = Encoding.UTF8.GetBytes(text);
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        await context.Response.BodyWriter.WriteAsync(body);
    }
}
