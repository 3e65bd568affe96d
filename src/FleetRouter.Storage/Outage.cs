using System.Net.Sockets;
using Npgsql;

namespace FleetRouter.Storage;

/// <summary>Tells what a failed command means.</summary>
internal static class Outage
{
    /// <summary>Whether the database, and not what it was asked, is the trouble: trying again later may help.</summary>
    public static bool Is(Exception trouble) => trouble switch
    {
        PostgresException e => !IsRejection(e),
        NpgsqlException or SocketException or TimeoutException or IOException and not DatabaseException => true,
        _ => false,
    };

    /// <summary>Whether the database will never take this value: of class 22 (data), 23 (constraints) or 54 (limits).</summary>
    public static bool IsRejection(Exception trouble) => trouble is PostgresException { SqlState: ['2', '2' or '3', ..] or ['5', '4', ..] } or System.Text.EncoderFallbackException;

    /// <summary>Whether an operator has to put it right: sign-in, no such database, no right to it.</summary>
    public static bool IsRefusal(Exception trouble) => trouble is PostgresException { SqlState: ['2', '8', ..] or "3D000" or "42501" };

    /// <summary>The trouble in one line, without what was asked or written.</summary>
    public static string Reason(Exception trouble) => trouble switch
    {
        PostgresException e => $"{e.MessageText.ReplaceLineEndings(" ")} ({e.SqlState})",
        NpgsqlException { InnerException: { } inner } and not PostgresException => $"{trouble.Message.ReplaceLineEndings(" ")}: {inner.Message.ReplaceLineEndings(" ")}",
        _ => trouble.Message.ReplaceLineEndings(" "),
    };
}
