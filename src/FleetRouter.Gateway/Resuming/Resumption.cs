using FleetRouter.Gateway.FrontDoor;

namespace FleetRouter.Gateway.Resuming;

/// <summary>What it takes to go on with an answer on another engine.</summary>
/// <param name="Calls">Calls to engines.</param>
/// <param name="Body">The client's body, with what the gateway added.</param>
/// <param name="Path">The path the client called.</param>
/// <param name="Wish">Where the pool wants the request to be.</param>
/// <param name="Telemetry">Told of every answer that went on.</param>
internal sealed record Resumption(EngineCalls Calls, RequestBody Body, string Path, CarryOverWish Wish, ResumeTelemetry Telemetry);
