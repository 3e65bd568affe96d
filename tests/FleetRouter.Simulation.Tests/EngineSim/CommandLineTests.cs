using System.Diagnostics;
using System.Text.Json;

namespace FleetRouter.Simulation.Tests.EngineSim;

/// <summary>The executable as its users start it.</summary>
public class CommandLineTests
{
    private static Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "FleetRouter.EngineSim.dll"));
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    [Fact]
    public async Task It_says_in_one_json_line_when_all_listen_and_stops_with_its_parent()
    {
        using var process = Start("--count", "3", "--ready-json", "--exit-with-parent", "--model", "my/model");
        var ready = JsonElement.Parse((await process.StandardOutput.ReadLineAsync())!);
        Assert.Equal("my/model", ready.GetProperty("model").GetString());
        var engines = ready.GetProperty("engines").EnumerateArray().Select(engine => engine.GetString()!).ToList();
        Assert.Equal(3, engines.Distinct().Count());
        using var client = new HttpClient();
        foreach (string engine in engines)
            Assert.Contains("my/model", await client.GetStringAsync(engine + "/v1/models"));
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        Assert.Equal((0, ""), (process.ExitCode, await process.StandardOutput.ReadToEndAsync()));
    }

    [Fact]
    public async Task It_ends_cleanly_on_sigterm()
    {
        using var process = Start("--ready-json");
        Assert.NotNull(await process.StandardOutput.ReadLineAsync());
        using (var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]))
            await kill.WaitForExitAsync();
        await process.WaitForExitAsync();
        Assert.Equal((0, ""), (process.ExitCode, await process.StandardError.ReadToEndAsync()));
    }

    [Theory]
    [InlineData("--profile", "b200", "no engine profile is named 'b200'")]
    [InlineData("--count", "0", "count is 0; it must be 1 to 1000")]
    [InlineData("--kv-blocks", "0", "KV blocks is 0; it must be at least 1")]
    public async Task A_wrong_option_gets_one_clear_line(string option, string value, string message)
    {
        using var process = Start(option, value);
        string error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(2, process.ExitCode);
        Assert.Contains(message, error);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_port_in_use_gets_one_clear_line()
    {
        await using var fleet = await FleetRouter.EngineSim.EngineFleet.StartAsync(new());
        using var process = Start("--port", $"{fleet.Addresses[0].Port}");
        string error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(2, process.ExitCode);
        Assert.Contains("address already in use", error);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task Help_names_the_faults()
    {
        using var process = Start("--help");
        string help = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Contains("--time-scale", help);
        Assert.Contains("after_tokens", help);
    }
}
