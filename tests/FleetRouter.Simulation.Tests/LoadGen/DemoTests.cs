using FleetRouter.LoadGen;
using FleetRouter.LoadGen.Demo;

namespace FleetRouter.Simulation.Tests.LoadGen;

public class DemoTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);

    private static ChildProcess Shell(string script) => ChildProcess.Start("the child", "/bin/sh", "-c", script);

    private static void SkipWithoutShell()
    {
        if (!File.Exists("/bin/sh")) Assert.Skip("there is no /bin/sh on this machine");
    }

    [Fact]
    public async Task A_child_says_where_it_listens_and_ends_when_its_stdin_does()
    {
        SkipWithoutShell();
        ChildProcess child;
        await using (child = Shell("""echo starting; echo '{"listen":"http://127.0.0.1:5"}'; cat >/dev/null"""))
        {
            Assert.Equal("http://127.0.0.1:5", (await child.Ready(Bound, default)).GetProperty("listen").GetString());
            Assert.False(child.HasExited);
        }
        Assert.Throws<InvalidOperationException>(() => child.HasExited);
    }

    [Fact]
    public async Task A_child_that_fails_is_told_with_what_it_wrote()
    {
        SkipWithoutShell();
        await using var child = Shell("echo 'no such port' >&2; exit 3");
        Assert.Equal("the child ended before it was ready; it wrote:\n  no such port", (await Assert.ThrowsAsync<UsageException>(() => child.Ready(Bound, default))).Message);
    }

    [Fact]
    public async Task A_child_that_does_not_heed_its_stdin_is_killed()
    {
        SkipWithoutShell();
        var child = Shell("""trap '' HUP TERM; echo "{\"pid\":$$}"; while :; do sleep 1; done""");
        var pid = (await child.Ready(Bound, default)).GetProperty("pid").GetInt32();
        await child.DisposeAsync();
        Assert.Throws<ArgumentException>(() => System.Diagnostics.Process.GetProcessById(pid));
    }

    [Fact]
    public void A_program_that_does_not_exist_is_named() =>
        Assert.StartsWith("cannot start the child (/none): ", Assert.Throws<UsageException>(() => ChildProcess.Start("the child", "/none")).Message);

    [Fact]
    public void The_gateway_is_configured_with_the_policy_and_every_engine() => Assert.Equal(
        """
        listen: http://127.0.0.1:0
        admin:
          listen: http://127.0.0.1:0
        pools:
          - name: demo
            policy: least-cost
            ttftSlo: 500ms
            instances:
              - url: http://127.0.0.1:9001
              - url: http://127.0.0.1:9002

        """, DemoFleet.Configuration("least-cost", TimeSpan.FromMilliseconds(500), [new Uri("http://127.0.0.1:9001"), new Uri("http://127.0.0.1:9002/")]));

    [Fact]
    public void The_workload_asks_for_more_than_one_engines_cache_and_for_what_two_cores_can_stream()
    {
        var sessions = DemoWorkload.Sessions(8, TimeSpan.FromSeconds(20), seed: 1);
        var requests = sessions.SelectMany(session => session.Turns).ToList();
        Assert.InRange(requests.Average(request => request.PromptTokens), 1000, 4000);
        Assert.InRange(requests.Average(request => request.OutputTokens), 50, 150);
        Assert.InRange(requests.Count / 20.0, 10, 25);
        // What the conversations leave to be reused, against what one engine's cache holds.
        Assert.True(sessions.Sum(session => session.Turns[^1].PromptTokens) > 3 * DemoWorkload.KvBlocks * 16);
    }
}
