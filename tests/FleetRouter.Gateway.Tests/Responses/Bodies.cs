using System.Text;
using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Hosting.Ports;
using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.Tests.Responses;

/// <summary>Makes bodies and kept turns for tests.</summary>
internal static class Bodies
{
    public static Task<RequestBody> ReadAsync(string json) =>
        RequestBody.ReadAsync(new DefaultHttpContext { Request = { Body = new MemoryStream(Encoding.UTF8.GetBytes(json)) } }.Request, CancellationToken.None);

    public static StoredResponse Turn(string id, string? previous, string input, string body, string owner = "", DateTimeOffset? expires = null) =>
        new(id, previous, owner, DateTimeOffset.UnixEpoch, expires ?? DateTimeOffset.MaxValue, Encoding.UTF8.GetBytes(input), Encoding.UTF8.GetBytes(body));
}

/// <summary>A clock that a test sets; it has no timers.</summary>
internal sealed class SetTime : TimeProvider
{
    public DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch;

    public override DateTimeOffset GetUtcNow() => Now;
}
