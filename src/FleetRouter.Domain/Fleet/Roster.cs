using FleetRouter.Domain.Health;

namespace FleetRouter.Domain.Fleet;

/// <summary>A pool's instances and their lives: who may be given work, and why the others may not.</summary>
internal sealed class Roster
{
    private const string ToldToDrain = "told to drain";

    private readonly SortedDictionary<string, Instance> _instances = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, ReadySet> _readyByModel = new(StringComparer.Ordinal);

    /// <summary>All instances, in order of id.</summary>
    public Instance[] All { get; private set; } = [];

    /// <summary>What the pool serves, for the model directory; replaced whole whenever it changes.</summary>
    public ServedModels Served { get; private set; } = ServedModels.None;

    /// <summary>Those that take no more work and have some left: told to drain, or no longer named by discovery.</summary>
    public List<Instance> Emptying { get; } = [];

    /// <summary>Whether what an instance has is to be moved away. One that discovery names again was not to stop.</summary>
    public bool IsToEmpty(Instance instance) => instance.State == InstanceState.Draining || (instance.State == InstanceState.Gone && Find(instance.Id) is null);

    public Instance? Find(string id) => _instances.GetValueOrDefault(id);

    /// <summary>Instances that are ready and serve <paramref name="model"/>, in order of id.</summary>
    public ReadySet Ready(string model) => _readyByModel.GetValueOrDefault(model, ReadySet.Empty);

    /// <summary>Whether an instance that serves the model is out only until the probe a failed request asked for says how it is: that is a
    /// matter of milliseconds, unless it hangs.</summary>
    public bool IsAnyDoubted(string model, TimeSpan now)
    {
        foreach (Instance instance in All)
            if (instance.DoubtedUntil > now && instance.Models.Contains(model, StringComparer.Ordinal))
                return true;
        return false;
    }

    public void Join(string id, TimeSpan at, PoolOptions options, Peers peers, List<PoolEffect> effects)
    {
        if (_instances.ContainsKey(id))
            return;
        var instance = new Instance(id, options, peers) { StateSince = at };
        _instances.Add(id, instance);
        effects.Add(new InstanceChanged(id, InstanceState.Gone, InstanceState.Joined, instance.StateReason));
        Rebuild();
    }

    public void Leave(string id, TimeSpan at, List<PoolEffect> effects)
    {
        if (Find(id) is not { } instance)
            return;
        Change(instance, InstanceState.Gone, "no longer named by discovery", at, effects);
        _instances.Remove(id);
        if (instance.Requests > 0 && !Emptying.Contains(instance))
            Emptying.Add(instance);
        Rebuild();
    }

    /// <summary>An instance that discovery does not name and that has requests all the same.</summary>
    public Instance Departed(string id, TimeSpan at, PoolOptions options, Peers peers)
    {
        if (Emptying.Find(i => i.Id == id && i.State == InstanceState.Gone) is { } known)
            return known;
        var instance = new Instance(id, options, peers) { State = InstanceState.Gone, StateReason = "not named by discovery", StateSince = at };
        Emptying.Add(instance);
        return instance;
    }

    /// <summary>A probe was answered; <paramref name="mostOut"/> is the share of the instances that may be kept out nevertheless.</summary>
    public void Answered(Instance instance, EngineReport report, double mostOut, TimeSpan at, List<PoolEffect> effects)
    {
        instance.FailedProbes = 0;
        instance.DoubtedUntil = TimeSpan.Zero;
        instance.Health.Answered(at);
        bool sameModels = instance.Models.SequenceEqual(report.Models, StringComparer.Ordinal);
        instance.Models = report.Models;
        if (instance.State != InstanceState.Draining)
            if (report.Models.Count == 0)
                Change(instance, InstanceState.Suspect, "healthy, but lists no model", at, effects);
            else if (!Outliers.IsKeptOut(instance, at) || !Outliers.MayKeepOut(instance, All, mostOut, at))
                Change(instance, InstanceState.Ready, $"answers its probe, serves {string.Join(", ", report.Models)}", at, effects);
        if (!sameModels)
            Rebuild();
    }

    /// <summary>A probe failed; whether it is one too many in a row for an instance that is ready.</summary>
    public static bool Missed(Instance instance, string reason, int suspectAfter)
    {
        instance.FailedProbes++;
        instance.DoubtedUntil = TimeSpan.Zero;
        instance.Health.Missed();
        if (instance.State == InstanceState.Joined)
            instance.StateReason = reason;
        return instance.State == InstanceState.Ready && instance.FailedProbes >= suspectAfter;
    }

    /// <summary>Gives those that are kept out work again where too few others are left; whether there was one.</summary>
    public bool ReadmitNeeded(double mostOut, TimeSpan at, List<PoolEffect> effects)
    {
        bool any = false;
        foreach (Instance instance in All)
            if (Outliers.IsKeptOut(instance, at) && !Outliers.MayKeepOut(instance, All, mostOut, at))
            {
                Change(instance, InstanceState.Ready, "answers its probe, and too few others are left to keep it out", at, effects);
                any = true;
            }
        return any;
    }

    /// <summary>Has an instance take no new work, or makes it prove again that it is ready.</summary>
    public void Drain(Instance instance, bool drains, TimeSpan at, List<PoolEffect> effects)
    {
        Emptying.Remove(instance);
        if (drains)
        {
            Change(instance, InstanceState.Draining, ToldToDrain, at, effects);
            Emptying.Add(instance);
        }
        else if (instance.State == InstanceState.Draining)
            Change(instance, InstanceState.Joined, "no longer told to drain, not yet probed", at, effects);
    }

    /// <summary>Tells which of those that empty themselves have nothing left.</summary>
    public void TellEmptied(TimeSpan at, List<PoolEffect> effects)
    {
        for (int i = Emptying.Count - 1; i >= 0; i--)
        {
            if (Emptying[i] is not { Requests: 0 } empty)
                continue;
            Emptying.RemoveAt(i);
            if (empty.State == InstanceState.Draining)
                empty.StateReason = ToldToDrain + "; empty";
            effects.Add(new InstanceEmptied(empty.Id, empty.State, at - empty.StateSince));
        }
    }

    public void Suspect(Instance instance, string reason, TimeSpan at, List<PoolEffect> effects)
    {
        if (instance.State == InstanceState.Suspect)
            instance.StateReason = reason;
        else if (instance.State == InstanceState.Ready)
            Change(instance, InstanceState.Suspect, reason, at, effects);
    }

    private void Change(Instance instance, InstanceState to, string reason, TimeSpan at, List<PoolEffect> effects)
    {
        if (instance.State == to)
            return;
        effects.Add(new InstanceChanged(instance.Id, instance.State, to, reason));
        (instance.State, instance.StateReason, instance.StateSince) = (to, reason, at);
        if (to == InstanceState.Ready)
            instance.Health.Readmit(at);
        Rebuild();
    }

    private void Rebuild()
    {
        All = [.. _instances.Values];
        _readyByModel.Clear();
        var known = new SortedSet<string>(StringComparer.Ordinal);
        foreach (Instance instance in All)
            foreach (string model in instance.Models)
                known.Add(model);
        foreach (string model in known)
            _readyByModel[model] = new ReadySet([.. All.Where(i => i.Serves(model))]);
        Served = new ServedModels(
            [.. known.Select(m => new ServedModel(m, _readyByModel[m].Instances.Length))],
            All.Any(i => i.State == InstanceState.Joined));
    }
}

/// <summary>What a pool serves at a moment.</summary>
/// <param name="Models">Every model some instance is known to serve, in order of name.</param>
/// <param name="Awaiting">Whether an instance has not yet told what it serves.</param>
public sealed record ServedModels(IReadOnlyList<ServedModel> Models, bool Awaiting)
{
    /// <summary>A pool without instances.</summary>
    public static readonly ServedModels None = new([], false);
}

/// <summary>One model of a pool.</summary>
/// <param name="Name">The model's or adapter's name, as the engines list it.</param>
/// <param name="ReadyInstances">Instances that would take it.</param>
public readonly record struct ServedModel(string Name, int ReadyInstances);
