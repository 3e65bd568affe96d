using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Health;

namespace FleetRouter.Hosting;

/// <summary>The pool's answer to a request: an instance to send it to, or a refusal.</summary>
/// <param name="Instance">The instance's id; null for a refusal.</param>
/// <param name="Address">Its base address; null for a refusal.</param>
/// <param name="Refusal">Why there is none; null where there is one.</param>
/// <param name="Attempt">Which of the request's attempts this is, from 1.</param>
public sealed record Placement(string? Instance, Uri? Address, Refusal? Refusal, int Attempt)
{
    /// <summary>How long it may be silent there.</summary>
    public Patience Patience { get; init; }
}
