using System.CommandLine;
using FleetRouter.LoadGen.Reports;

namespace FleetRouter.LoadGen.Chaos.Cluster;

/// <summary>The chaos cluster verb: several gateways on one database, killed one after the other.</summary>
internal static class ClusterCommand
{
    public static Command Create()
    {
        var gateways = OptionKinds.UpTo(16, "--gateways", "Gateways, 2 to 16.", 3);
        var host = new Option<string>("--host") { Description = "What the gateways are: embedded, each with its own pools, or orleans, a cluster in which each pool runs once.", DefaultValueFactory = _ => "embedded" };
        host.AcceptOnlyFromAmong("embedded", "orleans");
        var engines = OptionKinds.UpTo(64, "--engines", "Engine stand-ins, 1 to 64.", 6);
        var users = OptionKinds.UpTo(1000, "--users", "Users who talk at once, each in one session after the other.", 24);
        var seconds = OptionKinds.Positive("--seconds", "How long they talk, seconds; half of it to one gateway first.", 60);
        var every = OptionKinds.Positive("--every", "A gateway is killed each so many seconds.", 10);
        var seed = OptionKinds.SeedOf("the conversations");
        var json = OptionKinds.JsonFile();
        var noProgress = OptionKinds.WithoutProgress();
        var command = new Command("cluster", """
            Have users talk by /v1/responses, each turn through the next of several gateways that share a PostgreSQL database, while one
            gateway after the other is killed by SIGKILL and started again. Exit code 0 only if no session and no kept answer was lost, every
            answer was the stand-in's to the whole conversation, no request failed but those through the gateway as it was killed, the
            caches were hit as with one gateway, and the provisioner's role was held by one at most, also as written in the database, and
            never vacant for 5 s.
            Meanwhile a tenant spends its budget of tokens through all gateways at once, and in no window gets more. In the end every
            pool's journal is replayed: after each event its load has to be the sum over what each gateway has under way.
            With --host orleans the gateway that runs the pool is also frozen, and at the end all are killed and started again under other
            addresses: the others have the pool back 3 s after a kill and 15 s after a freeze, no request of theirs waits 250 ms to be
            placed meanwhile (one that has run for less than 3 s compiles its first requests as it serves them: those are counted
            apart), and all serve again within 20 s.
            Needs PostgreSQL's server (Debian: postgresql).
            """)
        {
            gateways, host, engines, users, seconds, every, seed, json, noProgress,
        };
        command.SetAction((parsed, _) => Run(new ClusterSettings(
            Math.Max(2, parsed.GetValue(gateways)), parsed.GetValue(host) == "orleans", parsed.GetValue(engines), parsed.GetValue(users), TimeSpan.FromSeconds(parsed.GetValue(seconds)),
            TimeSpan.FromSeconds(parsed.GetValue(every)), parsed.GetValue(seed), parsed.GetValue(noProgress)), parsed.GetValue(json)));
        return command;
    }

    private static Task<int> Run(ClusterSettings settings, string? json) =>
        ChaosCommand.Judge(json, new ClusterRun(settings).Run);
}
