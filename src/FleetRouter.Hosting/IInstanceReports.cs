using FleetRouter.Domain.Fleet;

namespace FleetRouter.Hosting;

/// <summary>Who is told what came of a probe: the pool itself, or what carries the word to it.</summary>
public interface IInstanceReports
{
    /// <summary>The instance answered.</summary>
    void Probed(string instance, EngineReport report);

    /// <summary>It did not, for a reason in one line.</summary>
    void ProbeFailed(string instance, string reason);
}
