using System.Text;
using FleetRouter.EngineSim.Driving;
using FleetRouter.EngineSim.Faults;
using FleetRouter.EngineSim.Replies;

namespace FleetRouter.EngineSim.Http;

/// <summary>Brings answers to the client as the engine computes them, and breaks them where a fault says so.</summary>
internal sealed class FaultyDelivery(EngineInstance instance)
{
    /// <summary>Serves one call of an endpoint that uses the engine: faults that need no answer strike here.</summary>
    public async Task ServeAsync(HttpContext context, Func<Fault?, Task> serve)
    {
        Interlocked.Increment(ref instance.Load);
        try
        {
            var fault = instance.Faults.Take();
            switch (fault)
            {
                case { Kind: FaultKind.Reject }:
                    throw GenerationEndpoints.Overloaded();
                case { Kind: FaultKind.Error }:
                    throw new ApiException(500, "InternalServerError", "EngineCore encountered an issue. See stack trace (above) for the root cause.");
                case { Kind: FaultKind.Empty }:
                    await RawConnection.EndAsync(context, []);
                    break;
                case { Kind: FaultKind.Garbage, Form: GarbageForm.Http }:
                    await RawConnection.EndAsync(context, "\u0016\u0003\u0001 this is not HTTP\r\n\r\n"u8.ToArray());
                    break;
                default:
                    await serve(fault);
                    break;
            }
        }
        finally
        {
            Interlocked.Decrement(ref instance.Load);
        }
    }

    /// <summary>Waits for the end of a generation; gives it up when the client leaves.</summary>
    public async Task WaitAsync(HttpContext context, Generation generation)
    {
        using var leaves = context.RequestAborted.UnsafeRegister(_ => instance.Loop.Abort(generation), null);
        while (generation.End == GenerationEnd.Running)
            await generation.MoreThanAsync(generation.Tokens);
        if (generation.End != GenerationEnd.Complete)
            context.Abort();
    }

    /// <summary>Writes an answer, streamed or whole.</summary>
    public async Task AnswerAsync(HttpContext context, Generation generation, bool stream, Fault? fault, Reply reply)
    {
        var loop = instance.Loop;
        try
        {
            if (stream)
            {
                await StreamAsync(context, generation, fault, reply);
                return;
            }
            await WaitAsync(context, generation);
            if (generation.End == GenerationEnd.Complete)
                await WriteWholeAsync(context, fault, reply.Whole());
        }
        finally
        {
            loop.Abort(generation);
        }
    }

    /// <summary>Writes a whole answer, or what a fault leaves of it.</summary>
    public async Task WriteWholeAsync(HttpContext context, Fault? fault, byte[] body)
    {
        switch (fault?.Kind)
        {
            case FaultKind.Cut:
                context.Response.ContentType = "application/json";
                context.Response.ContentLength = body.Length;
                await context.Response.BodyWriter.WriteAsync(body.AsMemory(0, body.Length / 2));
                await RawConnection.EndAsync(context, []);
                break;
            case FaultKind.Stall:
                await LeavingAsync(context);
                break;
            case FaultKind.Garbage:
                await context.WriteJsonAsync([.. "<html>"u8, .. body.AsSpan(0, body.Length / 2)]);
                break;
            default:
                await context.WriteJsonAsync(body);
                break;
        }
    }

    private async Task StreamAsync(HttpContext context, Generation generation, Fault? fault, Reply reply)
    {
        using var leaves = context.RequestAborted.UnsafeRegister(_ => instance.Loop.Abort(generation), null);
        context.Response.ContentType = "text/event-stream; charset=utf-8";
        var output = context.Response.BodyWriter;
        // As in vLLM the head goes out before the first token: it says that the request was accepted, not that it is served.
        await context.Response.StartAsync();
        await output.FlushAsync();
        int written = 0;
        bool opened = false;
        while (true)
        {
            await generation.MoreThanAsync(written);
            var (tokens, end) = generation.Progress;
            if (end is GenerationEnd.Aborted or GenerationEnd.Lost)
            {
                context.Abort();
                return;
            }
            if (!opened)
                reply.WriteOpening(output);
            opened = true;
            for (; written < tokens; written++)
            {
                if (fault is not null && written == fault.AfterTokens && await StrikeAsync(context, fault, reply, written))
                    return;
                reply.WriteToken(output, written, end == GenerationEnd.Complete && written == tokens - 1);
            }
            if (end == GenerationEnd.Complete)
            {
                if (fault is null || written > fault.AfterTokens || !await StrikeAsync(context, fault, reply, written))
                    reply.WriteEnding(output);
                await output.FlushAsync();
                return;
            }
            await output.FlushAsync();
        }
    }

    /// <summary>Lets a fault strike in the middle of a stream; true if the stream ends with it.</summary>
    private static async Task<bool> StrikeAsync(HttpContext context, Fault fault, Reply reply, int index)
    {
        var output = context.Response.BodyWriter;
        await output.FlushAsync();
        switch (fault.Kind)
        {
            case FaultKind.Cut:
                await RawConnection.EndAsync(context, fault.MidChunk ? HalfChunk(reply, index) : []);
                return true;
            case FaultKind.Stall:
                await LeavingAsync(context);
                return true;
            case FaultKind.Garbage when fault.Form == GarbageForm.Sse:
                await output.WriteAsync("data: {\"choices\":[{\"delta\":{\"content\":\n\n"u8.ToArray());
                return false;
            case FaultKind.Garbage:
                await output.WriteAsync("<html><body>502 Bad Gateway</body></html>\n\n"u8.ToArray());
                await output.FlushAsync();
                return true;
            default:
                return false;
        }
    }

    /// <summary>The head of an HTTP chunk and half of what it promises.</summary>
    private static byte[] HalfChunk(Reply reply, int index)
    {
        var chunk = new System.Buffers.ArrayBufferWriter<byte>();
        reply.WriteToken(chunk, index, false);
        if (chunk.WrittenCount == 0)
            reply.WriteEnding(chunk);
        return [.. Encoding.ASCII.GetBytes($"{chunk.WrittenCount:x}\r\n"), .. chunk.WrittenSpan[..(chunk.WrittenCount / 2)]];
    }

    private static async Task LeavingAsync(HttpContext context)
    {
        var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = context.RequestAborted.UnsafeRegister(_ => left.TrySetResult(), null);
        await left.Task;
    }
}
