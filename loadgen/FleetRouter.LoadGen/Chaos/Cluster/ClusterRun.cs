using FleetRouter.LoadGen.Client;
using FleetRouter.LoadGen.Demo;

namespace FleetRouter.LoadGen.Chaos.Cluster;

/// <summary>What a run of several gateways is told.</summary>
internal sealed record ClusterSettings(int Gateways, bool Orleans, int Engines, int Users, TimeSpan Duration, TimeSpan Every, ulong Seed, bool NoProgress);

/// <summary>Lets users talk to several gateways of which one after the other is killed, and to one that is not.</summary>
internal sealed class ClusterRun(ClusterSettings settings)
{
    private const string Profile = "h100-llama-3.1-8b";
    private const int Told = 8;

    /// <summary>Requests of the tenant with a budget under way through each gateway.</summary>
    private const int Abreast = 3;

    /// <summary>A call may be told to have failed so much later than its gateway died.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(1);

    /// <summary>A gateway is frozen for no longer than that.</summary>
    private static readonly TimeSpan Frozen = TimeSpan.FromSeconds(30), Look = TimeSpan.FromMilliseconds(50);

    private sealed record Killed(int Gateway, TimeSpan At, TimeSpan Back);

    public async Task<ClusterReport> Run(CancellationToken stop)
    {
        var alone = await Alone(stop);
        await using var fleet = await ClusterFleet.Start(settings.Gateways, StandIns, stop, settings.Orleans);
        var clock = new RunClock(TimeProvider.System);
        using var load = new ConversationLoad(fleet.Gateways, fleet.Model, settings.Seed, settings.Users, clock);
        using var spender = new BudgetSpender(fleet.Gateways, fleet.Model, settings.Seed, Abreast, clock);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var spent = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var role = new RoleWatch(fleet.Gateways, clock);
        var reach = new PoolReach(fleet.Gateways, clock);
        var watching = settings.Orleans ? Task.WhenAll(role.Run(enough.Token), reach.Run(enough.Token)) : role.Run(enough.Token);
        var talking = load.Run(enough.Token, stop);
        var spending = spender.Run(spent.Token, stop);
        var kills = new List<Killed>();
        for (var number = 0; clock.Now + settings.Every < settings.Duration; number++)
        {
            await Task.Delay(settings.Every, stop);
            var gateway = number % settings.Gateways;
            var at = clock.Now;
            await fleet.Kill(gateway);
            await fleet.Begin(gateway, stop);
            kills.Add(new Killed(gateway, at, clock.Now));
            Tell($"{clock.Now.TotalSeconds:0} s: gateway {gateway} was killed and is back after {(clock.Now - at).TotalSeconds:0.0} s; {load.Turns} turns, {load.Failed.Count} failed requests");
        }
        await Task.Delay(settings.Every, stop);
        var afterKill = reach.Longest;
        if (settings.Orleans) await Freeze(fleet, reach, clock, kills, stop);
        await enough.CancelAsync();
        await Task.WhenAll(talking, watching);
        var duration = clock.Now;
        var turns = await fleet.Turns(stop);
        TimeSpan? restarted = settings.Orleans ? await fleet.RestartAll(clock, stop) : null;
        await Task.Delay(settings.Every / 2, stop);
        await spent.CancelAsync();
        await spending;
        var journals = await fleet.Journals(stop);
        FailedCall[] elsewhere = [.. load.Failed.Where(call => !kills.Exists(kill => kill.Gateway == call.Gateway && call.From <= kill.Back && call.To >= kill.At && call.To <= kill.Back + Slack))];
        return new ClusterReport
        {
            Host = settings.Orleans ? "orleans" : "embedded", Seed = settings.Seed, Gateways = settings.Gateways, DurationS = Math.Round(duration.TotalSeconds, 1), Sessions = load.Sessions, Turns = load.Turns, Kills = kills.Count,
            LostSessions = load.LostSessions.Count, LostStoredResponses = await load.Lost(stop), WrongAnswers = load.WrongAnswers.Count,
            FailedRequests = load.Failed.Count, FailedElsewhere = elsewhere.Length,
            HitShare = Share(load), HitShareOfOne = alone, RoleMoves = role.Moves, RoleHeldTwice = role.HeldTwice, LongestWithoutRoleS = Seconds(role.LongestWithout),
            RoleTurns = turns.Turns, RoleTurnsOverlapping = turns.Overlapping, LongestBetweenTurnsS = Seconds(turns.LongestGap),
            PoolBackAfterKillS = settings.Orleans ? Seconds(afterKill) : null, PoolBackAfterFreezeS = settings.Orleans ? Seconds(reach.Longest) : null,
            AllRestartedS = restarted is { } took ? Seconds(took) : null, LatePlacements = settings.Orleans ? reach.Late : null, ColdPlacements = settings.Orleans ? reach.LateCold : null, PlacedAlone = settings.Orleans ? reach.Alone : null,
            BudgetTokens = BudgetSpender.Budget, BudgetWindows = BudgetWindows.Count(spender.Paid, BudgetSpender.Per), BudgetSpentTokens = spender.Paid.Sum(answer => answer.Tokens),
            BudgetFullestWindowTokens = BudgetWindows.Fullest(spender.Paid, BudgetSpender.Per), BudgetRefused = spender.Refused, BudgetCut = spender.Cut,
            BudgetOverspentTokens = BudgetWindows.Overspent(spender.Paid, BudgetSpender.Budget, BudgetSpender.Per),
            LoadEntries = journals.Entries, LoadMismatches = journals.LoadMismatches, JournalTroubles = journals.Troubles.Count,
            Details = [.. load.LostSessions.Concat(load.WrongAnswers).Concat(journals.Troubles).Concat(spender.Strange).Concat(elsewhere.Select(call => $"through gateway {call.Gateway}, {call.From.TotalSeconds:0.0} to {call.To.TotalSeconds:0.0} s: {call.Trouble}")).Take(Told)],
        };
    }

    /// <summary>Stops the gateway that runs the pool until the others have it back, then kills it.</summary>
    private async Task Freeze(ClusterFleet fleet, PoolReach reach, RunClock clock, List<Killed> kills, CancellationToken stop)
    {
        while (reach.Host is null) await Task.Delay(Look, stop);
        reach.Forget();
        var (gateway, at) = (reach.Host!.Value, clock.Now);
        await fleet.Freeze(gateway);
        while (clock.Now - at < Frozen && (reach.Host is null || reach.Host == gateway)) await Task.Delay(Look, stop);
        await Task.Delay(settings.Every / 2, stop);
        await fleet.Kill(gateway);
        await fleet.Begin(gateway, stop);
        kills.Add(new Killed(gateway, at, clock.Now));
        Tell($"{at.TotalSeconds:0} s: gateway {gateway} froze; the others were without the pool for {reach.Longest.TotalSeconds:0.0} s; it was killed and is back");
        await Task.Delay(settings.Every / 2, stop);
    }

    private static double Seconds(TimeSpan time) => Math.Round(time.TotalSeconds, 1);

    private StandIns StandIns => new(settings.Engines, Profile, null, Seed: settings.Seed);

    /// <summary>The hit share of one gateway that nobody kills, under the same users.</summary>
    private async Task<double> Alone(CancellationToken stop)
    {
        await using var fleet = await ClusterFleet.Start(1, StandIns, stop);
        var clock = new RunClock(TimeProvider.System);
        using var load = new ConversationLoad(fleet.Gateways, fleet.Model, settings.Seed, settings.Users, clock);
        using var spender = new BudgetSpender(fleet.Gateways, fleet.Model, settings.Seed, Abreast * settings.Gateways, clock);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        enough.CancelAfter(settings.Duration / 2);
        await Task.WhenAll(load.Run(enough.Token, stop), spender.Run(enough.Token, stop));
        Tell($"one gateway alone: {load.Turns} turns, hit share {Share(load):0.0} %");
        return Share(load);
    }

    private static double Share(ConversationLoad load) => Math.Round(100.0 * load.CachedTokens / Math.Max(1, load.InputTokens), 1);

    private void Tell(FormattableString text)
    {
        if (!settings.NoProgress) Console.Error.WriteLine(FormattableString.Invariant(text));
    }
}
