using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace FleetRouter.Gateway.FrontDoor;

/// <summary>A request's body, read once into a pooled buffer; with room for what the gateway adds to it.</summary>
internal sealed class RequestBody : IDisposable
{
    private const int FirstGuess = 16 * 1024;

    private byte[] _buffer;

    private RequestBody(byte[] buffer, int length) => (_buffer, Length) = (buffer, length);

    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Memory => _buffer.AsMemory(0, Length);

    public ReadOnlySpan<byte> Span => _buffer.AsSpan(0, Length);

    /// <summary>Reads the whole body. Its bound and pace are those Kestrel was given.</summary>
    /// <exception cref="BadHttpRequestException">Too long, too slow, or cut off.</exception>
    public static async Task<RequestBody> ReadAsync(HttpRequest request, CancellationToken clientGone)
    {
        long most = TakeBound(request.HttpContext);
        if (request.ContentLength > most)
            throw TooLong();
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(request.ContentLength + 1 ?? FirstGuess, 1 << 20));
        int length = 0;
        try
        {
            while (true)
            {
                int read = await request.Body.ReadAsync(buffer.AsMemory(length), clientGone);
                if (read == 0)
                    return new RequestBody(buffer, length);
                length += read;
                if (length > most)
                    throw TooLong();
                if (length == buffer.Length)
                    buffer = Grow(buffer, length);
            }
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    /// <summary>Lets a client finish sending a body that is already refused: few clients read an answer before they have
    /// sent everything, and a connection closed on them shows them no answer at all. Bounded in bytes and in time.</summary>
    public static async Task DrainAsync(HttpContext context)
    {
        const long most = 256L << 20;
        if (context.Request.Headers.Expect.Count > 0)
            return;   // this client waits to be told
        using var late = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        byte[] buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        try
        {
            await context.Response.CompleteAsync();
            long drained = 0;
            while (drained < most && await context.Request.Body.ReadAsync(buffer, late.Token) is > 0 and var read)
                drained += read;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // Gone, or too slow: nobody to be told.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Kestrel's bound, held here instead: Kestrel would refuse to drain a body beyond it.</summary>
    private static long TakeBound(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is not { IsReadOnly: false, MaxRequestBodySize: { } most } bound)
            return long.MaxValue;
        bound.MaxRequestBodySize = null;
        return most;
    }

    private static BadHttpRequestException TooLong() => new("The request body is too long.", StatusCodes.Status413PayloadTooLarge);

    /// <summary>Inserts <paramref name="text"/> at <paramref name="at"/>.</summary>
    public void Insert(int at, ReadOnlySpan<byte> text) => Replace(at..at, text);

    /// <summary>Puts <paramref name="text"/> in the place of a value.</summary>
    public void Replace(Range value, ReadOnlySpan<byte> text)
    {
        (int at, int end) = (value.Start.Value, value.End.Value);
        int more = text.Length - (end - at);
        while (Length + more > _buffer.Length)
            _buffer = Grow(_buffer, Length);
        _buffer.AsSpan(end, Length - end).CopyTo(_buffer.AsSpan(end + more));
        text.CopyTo(_buffer.AsSpan(at));
        Length += more;
    }

    /// <summary>Puts <paramref name="text"/> in the place of a value that is no shorter, with blanks behind it.</summary>
    public void Overwrite(Range value, ReadOnlySpan<byte> text)
    {
        Span<byte> place = _buffer.AsSpan(0, Length)[value];
        place.Fill((byte)' ');
        text.CopyTo(place);
    }

    /// <summary>A stream over the body from its beginning, for one attempt.</summary>
    public Stream Open() => new MemoryStream(_buffer, 0, Length, writable: false);

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        Length = 0;
    }

    private static byte[] Grow(byte[] full, int length)
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(full.Length * 2);
        full.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(full);
        return larger;
    }
}
