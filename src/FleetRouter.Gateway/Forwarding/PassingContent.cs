using System.Net.Http.Headers;

namespace FleetRouter.Gateway.Forwarding;

/// <summary>Content that is read from one stream of ours, with nothing between it and YARP.</summary>
internal sealed class PassingContent(PassingStream stream) : HttpContent
{
    /// <summary>The same content, by its headers, read from a stream of ours.</summary>
    public static PassingContent InPlaceOf(HttpContent content, PassingStream stream)
    {
        var passing = new PassingContent(stream);
        foreach ((string name, HeaderStringValues values) in content.Headers.NonValidated)
            passing.Headers.TryAddWithoutValidation(name, (IEnumerable<string>)values);
        return passing;
    }

    protected override Task<Stream> CreateContentReadStreamAsync() => Task.FromResult<Stream>(stream);

    protected override Task<Stream> CreateContentReadStreamAsync(CancellationToken cancellation) => Task.FromResult<Stream>(stream);

    protected override Task SerializeToStreamAsync(Stream target, System.Net.TransportContext? context) => stream.CopyToAsync(target);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            stream.Dispose();
        base.Dispose(disposing);
    }
}
