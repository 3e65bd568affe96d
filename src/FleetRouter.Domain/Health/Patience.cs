namespace FleetRouter.Domain.Health;

/// <summary>How long a try may be silent before it counts as stalled (<see cref="Fleet.AttemptFailure.Stalled"/>).</summary>
/// <param name="FirstToken">From its dispatch to its first token.</param>
/// <param name="NextToken">Between two tokens.</param>
public readonly record struct Patience(TimeSpan FirstToken, TimeSpan NextToken);
