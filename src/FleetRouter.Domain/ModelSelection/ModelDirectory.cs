using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.ModelSelection;

/// <summary>Which pool serves a model: the pure rule over what the pools published last.</summary>
public static class ModelDirectory
{
    /// <summary>The pool for <paramref name="model"/>: the first, in the order of the configuration, with an instance
    /// ready for it, else the first that knows it.</summary>
    /// <returns>The pool's index; or -1 and the reason.</returns>
    public static int PoolFor(string model, ReadOnlySpan<ServedModels> pools, out Refusal? refusal)
    {
        int known = -1;
        bool awaiting = false;
        refusal = null;
        for (int i = 0; i < pools.Length; i++)
        {
            awaiting |= pools[i].Awaiting;
            foreach (ServedModel served in pools[i].Models)
            {
                if (!string.Equals(served.Name, model, StringComparison.Ordinal))
                    continue;
                if (served.ReadyInstances > 0)
                    return i;
                known = known < 0 ? i : known;
            }
        }
        if (known < 0)
            refusal = awaiting
                ? new Refusal(RefusalKind.Broken, "no-instance", $"no instance that serves {model} is ready yet", TimeSpan.FromSeconds(1))
                : new Refusal(RefusalKind.UnknownModel, "model_not_found", $"The model `{model}` does not exist.", null);
        return known;
    }
}
