using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.FrontDoor;

/// <summary>Ends a response that has begun without its proper end: all that was written still goes out, then the connection
/// closes before the last chunk. Some clients pass over an error event, and would take a proper end for a whole answer.</summary>
/// <remarks>Of what an application throws, Kestrel takes only this kind without logging a fault of the application; and
/// <see cref="HttpContext.Abort"/> would throw away what is not on the wire yet, the error event included.</remarks>
internal sealed class AnswerBrokenException() : BadHttpRequestException("The engine broke off in the middle of its answer.");
