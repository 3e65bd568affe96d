namespace FleetRouter.Domain.Fleet;

/// <summary>The instances that take a model's requests, in order of id; replaced whole when one comes or goes.</summary>
internal sealed class ReadySet(Instance[] instances)
{
    public static readonly ReadySet Empty = new([]);

    public readonly Instance[] Instances = instances;

    /// <summary>Their places in the hash space, side by side: a pair is sought among all of them for every request.</summary>
    public readonly ulong[] Anchors = [.. instances.Select(i => i.Anchor)];
}
