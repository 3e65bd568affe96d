namespace FleetRouter.Storage;

/// <summary>A database that cannot be used, and no waiting will change that; the message says in one line what and what to do, and has no secret in it.</summary>
public sealed class DatabaseException(string message, Exception? inner = null) : IOException(message, inner);
