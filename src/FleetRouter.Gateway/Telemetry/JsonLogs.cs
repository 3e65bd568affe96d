using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace FleetRouter.Gateway.Telemetry;

/// <summary>Logs as one JSON object a line on standard error, with UTC times; standard output has the addresses alone.</summary>
internal static class JsonLogs
{
    /// <summary>Replaces every other log provider.</summary>
    /// <param name="logging">The host's logging.</param>
    /// <param name="level">Least severe level written; asked at every line, so that a reloaded configuration counts at once.
    /// The web framework's own lines are written from warning on, unless the level is debug or trace.</param>
    public static ILoggingBuilder AddTo(ILoggingBuilder logging, Func<LogLevel> level)
    {
        logging.ClearProviders();
        logging.AddFilter((_, category, severity) =>
        {
            var least = level();
            bool framework = category is not null && (category.StartsWith("Microsoft.", StringComparison.Ordinal) || category.StartsWith("Yarp.", StringComparison.Ordinal)
                || category.StartsWith("Orleans.", StringComparison.Ordinal) || category.StartsWith("Polly", StringComparison.Ordinal));
            return severity >= (framework && least == LogLevel.Information ? LogLevel.Warning : least);
        });
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        return logging.AddJsonConsole(console =>
        {
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
            console.IncludeScopes = false;
            console.JsonWriterOptions = new System.Text.Json.JsonWriterOptions { Indented = false };
        });
    }
}
