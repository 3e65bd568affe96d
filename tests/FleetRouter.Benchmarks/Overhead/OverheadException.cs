namespace FleetRouter.Benchmarks.Overhead;

/// <summary>The measurement cannot go on; the message is one line for whoever runs it.</summary>
internal sealed class OverheadException(string message) : Exception(message);
