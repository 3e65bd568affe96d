namespace FleetRouter.EngineSim;

/// <summary>Stand-in engines in this process, each on its own port.</summary>
public sealed class EngineFleet : IAsyncDisposable
{
    private EngineFleet(EngineSimOptions options) =>
        Instances = [.. Enumerable.Range(0, options.Count).Select(index => new EngineInstance(options, index))];

    /// <summary>The engines.</summary>
    public IReadOnlyList<EngineInstance> Instances { get; }

    /// <summary>Their base addresses.</summary>
    public IReadOnlyList<Uri> Addresses => [.. Instances.Select(instance => instance.Address)];

    /// <summary>Starts them; all listen when this completes.</summary>
    /// <exception cref="ArgumentException">The options are not sound; the message has every problem, one a line.</exception>
    /// <exception cref="IOException">A port cannot be listened on.</exception>
    public static async Task<EngineFleet> StartAsync(EngineSimOptions options)
    {
        var problems = options.Problems().ToList();
        if (problems.Count > 0)
            throw new ArgumentException(string.Join('\n', problems));
        var fleet = new EngineFleet(options);
        try
        {
            foreach (var instance in fleet.Instances)
                await instance.OpenAsync();
            return fleet;
        }
        catch
        {
            await fleet.DisposeAsync();
            throw;
        }
    }

    /// <summary>Closes all of them.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var instance in Instances)
            await instance.DisposeAsync();
    }
}
