using Npgsql;

namespace FleetRouter.Storage;

/// <summary>Where the database is and how to sign in. Shows itself without user and password.</summary>
public sealed class DatabaseAddress
{
    private readonly NpgsqlConnectionStringBuilder _parts;

    private DatabaseAddress(NpgsqlConnectionStringBuilder parts) => _parts = parts;

    /// <summary>Reads a connection string, as in <c>Host=db;Database=fleetrouter;Username=router;Password=…</c>.</summary>
    /// <param name="text">The connection string.</param>
    /// <param name="source">Where it came from, for messages.</param>
    /// <exception cref="DatabaseException">It is no connection string. The message repeats nothing of it.</exception>
    public static DatabaseAddress Parse(string text, string source)
    {
        const string Remedy = "write Host=NAME;Port=5432;Database=NAME;Username=NAME;Password=SECRET";
        try
        {
            var parts = new NpgsqlConnectionStringBuilder(text.Trim());
            return string.IsNullOrWhiteSpace(parts.Host) ? throw new DatabaseException($"the connection string in {source} names no host; {Remedy}") : new DatabaseAddress(parts);
        }
        catch (Exception trouble) when (trouble is ArgumentException or FormatException or KeyNotFoundException or InvalidCastException or OverflowException)
        {
            // The parser's own words may quote a password: they are not passed on, not even as the inner exception.
            string what = text.TrimStart().StartsWith("postgres", StringComparison.OrdinalIgnoreCase) ? "is a URL" : "cannot be read";
            throw new DatabaseException($"the connection string in {source} {what}; {Remedy}");
        }
    }

    /// <summary>Host, port and database.</summary>
    public override string ToString() => $"{_parts.Host}:{_parts.Port}/{_parts.Database ?? _parts.Username}";

    /// <summary>The connection string for pooled connections.</summary>
    internal string Pooled(int connections)
    {
        NpgsqlConnectionStringBuilder parts = Parts();
        (parts.Pooling, parts.MinPoolSize, parts.MaxPoolSize) = (true, 0, connections);
        return parts.ConnectionString;
    }

    /// <summary>The connection string for a connection of its own, which is given up at once when a command takes too long.</summary>
    internal string Single()
    {
        NpgsqlConnectionStringBuilder parts = Parts();
        (parts.Pooling, parts.CancellationTimeout) = (false, -1);
        return parts.ConnectionString;
    }

    /// <summary>The connection string for others, whose tables lie in the router's schema.</summary>
    public string OfSchema()
    {
        NpgsqlConnectionStringBuilder parts = Parts();
        parts.SearchPath = "fleetrouter";
        return parts.ConnectionString;
    }

    private NpgsqlConnectionStringBuilder Parts() => new(_parts.ConnectionString)
    {
        ApplicationName = _parts.ApplicationName ?? "fleetrouter",
        Timeout = 3,
        CommandTimeout = 10,
        TcpKeepAlive = true,
        TcpKeepAliveTime = 5,
        TcpKeepAliveInterval = 2,
        IncludeErrorDetail = false,   // details of an error hold what was to be written
        PersistSecurityInfo = false,
    };
}
