using FleetRouter.LoadGen.Client;
using FleetRouter.LoadGen.Demo;
using FleetRouter.LoadGen.Measures;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>One request alone, its answer cut at every token in turn, between two chunks and within one.</summary>
internal sealed class SeamSweep(StreamsSettings settings, int number)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Sends it once undisturbed, then once for every cut; tells what is not right.</summary>
    /// <returns>Whether all was right.</returns>
    public async Task<bool> Run(CancellationToken stop)
    {
        var standIns = new StandIns(settings.Engines, StreamsSettings.Profile, null, TimeScale: 10, Seed: settings.Seed);
        // No engine is to be kept out for failing: failing is what they are here for.
        await using var fleet = await DemoFleet.Start("least-cost", TimeSpan.FromSeconds(5), standIns, stop, poolOptions: ["maxAttempts: 16", "retryBudget: 10", "maxEjectedShare: 0"]);
        using var control = new ChaosControl(fleet);
        using var client = new ChaosClient(fleet.Target.Address, Patience, new GapHistogram(), new RunClock(TimeProvider.System));
        var request = new ChaosWorkload(fleet.Target.Model, settings.Seed).Request(number);
        Console.WriteLine($"request {number} of seed {settings.Seed}: {request.Label}, {request.Expected.Tokens.Length} tokens, {request.Expected.FinishReason}");
        var (cuts, wrong) = (0, 0);
        wrong += await Right("undisturbed");
        foreach (var mid in new[] { "false", "true" })
            for (var token = 0; token <= request.Expected.Tokens.Length && !stop.IsCancellationRequested; token++, cuts++)
            {
                // Whichever engine has the answer breaks it off, so what goes on elsewhere is broken off again; before its first token one has to be left.
                await Task.WhenAll(Enumerable.Range(0, token == 0 ? control.Engines - 1 : control.Engines).Select(engine =>
                    control.Fault(engine, $"{{\"kind\":\"cut\",\"after_tokens\":{token},\"mid_chunk\":{mid},\"times\":1}}")));
                wrong += await Right($"cut after {token} tokens, {(mid == "true" ? "within" : "between")} chunks");
                await Task.WhenAll(Enumerable.Range(0, control.Engines).Select(control.Clear));
            }
        var metrics = await control.Metrics();
        Console.WriteLine($"{cuts} places cut, {metrics.Sum("fleetrouter_resumes_total"):0} resumes, {wrong} answers not right");
        return wrong == 0;

        async Task<int> Right(string what)
        {
            var verdict = await client.Send(request, stop);
            if (verdict.IsRight) return 0;
            Console.WriteLine($"{what}: {verdict.Detail(settings.Seed)}");
            return 1;
        }
    }
}
