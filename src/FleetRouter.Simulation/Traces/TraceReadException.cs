namespace FleetRouter.Simulation.Traces;

/// <summary>A trace that cannot be read. The message is one line for the user: which file, which line, what is wrong.</summary>
/// <param name="message">The line for the user.</param>
public sealed class TraceReadException(string message) : Exception(message);
