using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Tests.Engine;

/// <summary>Drives an engine model as a simulator does: from one event time to the next.</summary>
internal static class EngineRuns
{
    public static TimeSpan RunUntilIdle(this EngineModel engine, TimeSpan now, List<EngineEvent> events)
    {
        while (engine.Step(ref now, events) is not null)
        {
        }
        return now;
    }

    /// <summary>One step, or the wait for a request to become ready; null when there is nothing to do.</summary>
    public static StepPlan? Step(this EngineModel engine, ref TimeSpan now, List<EngineEvent> events)
    {
        var plan = engine.BeginStep(now);
        if (!plan.IsIdle)
        {
            now += plan.Duration;
            engine.CompleteStep(now, events);
            return plan;
        }
        if (plan.WakeAt is not { } wake)
            return null;
        now = wake;
        return plan;
    }

    /// <summary>A prompt of distinct tokens after a shared beginning.</summary>
    public static uint[] Prompt(int length, uint own, int shared = 0)
    {
        var tokens = new uint[length];
        for (int i = 0; i < length; i++)
            tokens[i] = i < shared ? (uint)i : (own << 16) + (uint)i;
        return tokens;
    }

    public static EngineRequest Request(long id, uint[] prompt, int output) =>
        EngineRequest.Of(id, prompt, output, SyntheticAnswer.To(prompt));
}
