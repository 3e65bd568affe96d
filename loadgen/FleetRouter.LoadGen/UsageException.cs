namespace FleetRouter.LoadGen;

/// <summary>Something the user can put right. The message is one line: what, where, what to do.</summary>
internal sealed class UsageException(string message) : Exception(message);
