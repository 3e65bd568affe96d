using System.Text.Json;
using FleetRouter.Gateway.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace FleetRouter.Gateway.Tests.Telemetry;

public sealed class JsonLogsTests
{
    private LogLevel _level = LogLevel.Information;

    [Fact]
    public void A_line_is_one_json_object_with_utc_time()
    {
        using var services = Services();
        var formatter = services.GetServices<ConsoleFormatter>().Single(formatter => formatter.Name == ConsoleFormatterNames.Json);
        var line = new StringWriter();
        formatter.Write(new LogEntry<string>(LogLevel.Warning, "FleetRouter.Test", 7, "two\nlines", null, (state, _) => state), null, line);
        Assert.Equal('\n', line.ToString()[^1]);
        Assert.Equal(1, line.ToString().Count(c => c == '\n'));
        using var json = JsonDocument.Parse(line.ToString());
        Assert.Equal("two\nlines", json.RootElement.GetProperty("Message").GetString());
        Assert.Equal("Warning", json.RootElement.GetProperty("LogLevel").GetString());
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", json.RootElement.GetProperty("Timestamp").GetString());
    }

    [Fact]
    public void A_changed_level_counts_for_loggers_that_exist()
    {
        using var services = Services();
        var ours = services.GetRequiredService<ILoggerFactory>().CreateLogger("FleetRouter.Test");
        var framework = services.GetRequiredService<ILoggerFactory>().CreateLogger("Microsoft.AspNetCore.Hosting");
        Assert.Equal((true, false, false), (ours.IsEnabled(LogLevel.Information), ours.IsEnabled(LogLevel.Debug), framework.IsEnabled(LogLevel.Information)));
        _level = LogLevel.Debug;
        Assert.Equal((true, true), (ours.IsEnabled(LogLevel.Debug), framework.IsEnabled(LogLevel.Debug)));
        _level = LogLevel.Error;
        Assert.Equal((false, false), (ours.IsEnabled(LogLevel.Warning), framework.IsEnabled(LogLevel.Warning)));
    }

    private ServiceProvider Services() =>
        new ServiceCollection().AddLogging(logging => JsonLogs.AddTo(logging, () => _level)).BuildServiceProvider();
}
