using System.Diagnostics;

namespace FleetRouter.Benchmarks.Overhead;

/// <summary>The programs the measurement is made with: Debian's own packages.</summary>
internal static class NeededTools
{
    public const string EchoModule = "/usr/lib/nginx/modules/ngx_http_echo_module.so";

    private static readonly (string Package, string File)[] Packages =
    [
        ("nginx", "/usr/sbin/nginx"), ("libnginx-mod-http-echo", EchoModule), ("haproxy", "/usr/sbin/haproxy"),
        ("wrk", "/usr/bin/wrk"), ("util-linux", "/usr/bin/taskset"),
    ];

    /// <summary>Installs what is missing.</summary>
    /// <exception cref="OverheadException">Something is missing and cannot be installed.</exception>
    public static async Task InstallAsync(CancellationToken cancellation)
    {
        if (!OperatingSystem.IsLinux())
            throw new OverheadException("this needs Linux: it reads /proc and pins programs to cores");
        if (Environment.ProcessorCount < 2)
            throw new OverheadException("two cores are needed: one for the proxy measured, one for load and engines");
        string[] missing = Missing();
        if (missing.Length == 0)
            return;
        string command = "apt-get install -y --no-install-recommends " + string.Join(' ', missing);
        if (!Environment.IsPrivilegedProcess || !File.Exists("/usr/bin/apt-get"))
            throw new OverheadException($"{string.Join(", ", missing)} missing; as root on Debian: {command}");
        Console.WriteLine($"installing {string.Join(", ", missing)}");
        await RunAsync("apt-get", ["update", "-q"], cancellation);
        string said = await RunAsync("/usr/bin/env", ["DEBIAN_FRONTEND=noninteractive", .. command.Split(' ')], cancellation);
        if (Missing() is { Length: > 0 } still)
            throw new OverheadException($"{string.Join(", ", still)} could not be installed: {said.Trim().Split('\n')[^1]}");
    }

    /// <summary>What a program prints when asked, its first line.</summary>
    public static async Task<string> VersionAsync(string program, CancellationToken cancellation) =>
        (await RunAsync(program, ["-v"], cancellation)).Split('\n')[0].Trim();

    private static string[] Missing() => [.. Packages.Where(p => !File.Exists(p.File)).Select(p => p.Package)];

    private static async Task<string> RunAsync(string program, string[] arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancellation), error = process.StandardError.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        return await output + await error;
    }
}
