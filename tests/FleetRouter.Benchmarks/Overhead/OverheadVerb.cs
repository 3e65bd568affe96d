using System.CommandLine;

namespace FleetRouter.Benchmarks.Overhead;

/// <summary><c>bench overhead</c>: what the gateway costs, beside no proxy, nginx, HAProxy and YARP alone.</summary>
internal static class OverheadVerb
{
    private const int FullRounds = 5, QuickRounds = 2, FullSeconds = 2, QuickSeconds = 1;

    private const string Description = """
        Measure what the gateway costs, interleaved in one run with no proxy (direct), nginx least_conn, HAProxy leastconn, and
        plain-yarp: the forwarder the gateway is built on, engines in turn, nothing read or watched. The gateway is measured twice, as
        it comes and with answers that do not go on elsewhere (no-resume, pool option resume: false): the difference is what
        keeping an answer costs.

        Clients (wrk) and engines (an nginx with the echo module, two ports) share core 0; each proxy has core 1 while it is
        measured. Missing Debian packages (nginx, libnginx-mod-http-echo, haproxy, wrk) are installed when run as root.
        Exit code 0 only if the gateway keeps its bounds in the cells measured: at least 0.85 of nginx's SSE streams/s and
        0.25 of its JSON requests/s, under 120 µs of CPU per 1 KiB request and 45 µs per chunk of a paced stream.

        --json writes: versions, machine, rounds, window_seconds, foreign_cpu_share, noisy_windows, windows,
        cells[{cell, answer, connections, prompt_bytes, targets[{target, per_second, to_direct, to_nginx, to_plain, p50_ms, p99_ms,
        p50_to_direct, p99_to_direct, p50_to_nginx, p99_to_nginx, cpu_micros_per_request, cpu_micros_per_chunk,
        allocated_bytes_per_request}]}], memory[{target, start_mib, open_streams_mib, end_mib}] and
        reach[{name, figure, bound, holds}]. A figure is {median, min, max} over the rounds; one that cannot be had is absent.
        Percentiles are wrk's, corrected for the requests a stalled connection did not send.
        """;

    public static Command Command()
    {
        var json = new Option<string?>("--json") { Description = "Write the figures to this file.", HelpName = "FILE" };
        var rounds = new Option<int?>("--rounds") { Description = $"Rounds, 1 to 100: {FullRounds} by default (about 25 minutes), {QuickRounds} with --quick.", HelpName = "N" };
        var quick = new Option<bool>("--quick") { Description = "Fewer cells and windows of 1 s: about 5 minutes, and less sure figures." };
        var only = new Option<string[]>("--only") { Description = "Only cells whose name contains this (json-16c-200B, sse-64c, paced, 256K), or memory. May be repeated.", HelpName = "NAME" };
        var variants = new Option<string[]>("--variant") { Description = "Measure a further gateway with other environment variables beside the first; DLL=PATH takes another build. May be repeated.", HelpName = "NAME:KEY=VALUE,..." };
        rounds.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > 100)
                result.AddError("--rounds takes a number from 1 to 100");
        });
        var command = new Command("overhead", Description) { json, rounds, quick, only, variants };
        command.SetAction((parsed, cancellation) => RunAsync(
            parsed.GetValue(json), parsed.GetValue(rounds), parsed.GetValue(quick), parsed.GetValue(only) ?? [], parsed.GetValue(variants) ?? [], cancellation));
        return command;
    }

    private static async Task<int> RunAsync(string? json, int? rounds, bool quick, string[] only, string[] variants, CancellationToken cancellation)
    {
        try
        {
            OverheadPlan plan = Plan(rounds, quick, only, variants);
            await NeededTools.InstallAsync(cancellation);
            OverheadReport report = await new OverheadRun(plan, Console.Out).MeasureAsync(cancellation);
            report.Print(Console.Out);
            if (json is not null)
                await File.WriteAllTextAsync(json, report.ToJson() + "\n", cancellation);
            return report.Reach.All(r => r.Holds) ? 0 : 1;
        }
        catch (Exception e) when (e is OverheadException or IOException or UnauthorizedAccessException)
        {
            return Fail(e.Message.ReplaceLineEndings(" "));
        }
        catch (OperationCanceledException)
        {
            return Fail("stopped");
        }
    }

    private static OverheadPlan Plan(int? rounds, bool quick, string[] only, string[] variants)
    {
        const string memory = "memory";
        if (only.FirstOrDefault(name => name != memory && !Cell.Full.Any(c => Matches(c, name))) is { } unknown)
            throw new OverheadException($"--only {unknown}: no cell's name contains it; the cells are {string.Join(", ", Cell.Full.Select(c => c.Name))} and {memory}");
        List<Cell> cells = [.. (quick && only.Length == 0 ? Cell.Quick : Cell.Full).Where(c => only.Length == 0 || only.Any(name => Matches(c, name)))];
        List<GatewayVariant> gateways = [GatewayVariant.Built, GatewayVariant.WithoutResume, .. variants.Select(GatewayVariant.Parse)];
        if (gateways.GroupBy(g => g.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new OverheadException($"--variant {twice.Key}: each gateway needs a name of its own");
        return new OverheadPlan(cells, rounds ?? (quick ? QuickRounds : FullRounds), quick ? QuickSeconds : FullSeconds, gateways, only.Length == 0 || only.Contains(memory));

        static bool Matches(Cell cell, string name) => cell.Name.Contains(name, StringComparison.OrdinalIgnoreCase);
    }

    private static int Fail(string message)
    {
        Console.Error.WriteLine("fleet bench overhead: " + message);
        return 1;
    }
}
