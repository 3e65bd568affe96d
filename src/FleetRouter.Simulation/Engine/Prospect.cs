namespace FleetRouter.Simulation.Engine;

/// <summary>What an engine would be to a request that came now.</summary>
/// <param name="OwnSeconds">Computing what of its prompt is neither cached nor computed for a request before it, alone.</param>
/// <param name="QueueSeconds">Computing the prompts before it, the step in flight left out.</param>
/// <param name="RoomSeconds">Until requests have ended that hold the blocks which it and those before it need; 0 if they are free.</param>
/// <param name="Requests">Requests in the batch, waiting, or on their way.</param>
/// <param name="OldestSeconds">For how long the cached block that goes next has not been used; null while none has to go.</param>
internal readonly record struct Prospect(double OwnSeconds, double QueueSeconds, double RoomSeconds, int Requests, double? OldestSeconds)
{
    /// <summary>Until the step in flight ends.</summary>
    public double StepSeconds { get; init; }

    /// <summary>Until the request would begin.</summary>
    public double WaitSeconds => StepSeconds + Math.Max(QueueSeconds, RoomSeconds);
}
