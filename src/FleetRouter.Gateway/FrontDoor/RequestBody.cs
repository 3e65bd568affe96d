using System.Buffers;
using Microsoft.AspNetCore.Http;

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

    /// <summary>Reads the whole body. Its bound and pace are Kestrel's.</summary>
    /// <exception cref="BadHttpRequestException">Too long, too slow, or cut off.</exception>
    public static async Task<RequestBody> ReadAsync(HttpRequest request, CancellationToken clientGone)
    {
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

    /// <summary>Inserts <paramref name="text"/> at <paramref name="at"/>.</summary>
    public void Insert(int at, ReadOnlySpan<byte> text)
    {
        if (Length + text.Length > _buffer.Length)
            _buffer = Grow(_buffer, Length);
        _buffer.AsSpan(at, Length - at).CopyTo(_buffer.AsSpan(at + text.Length));
        text.CopyTo(_buffer.AsSpan(at));
        Length += text.Length;
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
