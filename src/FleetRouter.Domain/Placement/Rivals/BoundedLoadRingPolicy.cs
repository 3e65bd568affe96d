using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Placement.Rivals;

/// <summary>Consistent hashing with bounded loads: from where the prompt's beginning hashes to on a ring, on to the first
/// instance that would not exceed its share of all requests.</summary>
/// <remarks>Mirrokni, Thorup, Zadimoghaddam, SODA 2018, as in KubeAI
/// (substratusai/kubeai:internal/loadbalancer/balance_chwbl.go): an instance is passed over if its requests and this one
/// exceed <c>load</c> (1.25) times the mean with this one; on a ring of <c>replicas</c> (256) places an instance; the first
/// met where none is within. KubeAI hashes 100 characters and the adapter's name; here the first <c>blocks</c> (1) of 256
/// bytes, whose chain begins with the model's name.</remarks>
internal sealed class BoundedLoadRingPolicy(double loadFactor, int blocks, int replicas) : IPlacementPolicy
{
    private readonly Dictionary<string, Ring> _rings = new(StringComparer.Ordinal);   // by model: each has its own instances

    public Choice Place(in PlacementQuery query)
    {
        string model = query.Work.Request.Model;
        if (!_rings.TryGetValue(model, out Ring? ring) || ring.Members != query.Ready)
            _rings[model] = ring = new Ring(query.Ready, replicas);
        long total = 0;
        foreach (Instance instance in query.Ready.Instances)
            total += instance.AllRequests;
        double most = total == 0 ? double.MaxValue : loadFactor * (total + 1) / query.Ready.Instances.Length;

        Instance? first = null;
        int start = ring.Find(FirstBlocks.Hash(query.Work.Request.Prompt, blocks));
        for (int step = 0; step < ring.Owners.Length; step++)
        {
            Instance instance = query.Ready.Instances[ring.Owners[(start + step) % ring.Owners.Length]];
            if (instance == first || first is not null && instance.AllRequests + 1 > most || query.Obstacle(instance) is not null)
                continue;
            if (instance.AllRequests + 1 <= most)
                return query.Choose(instance);
            first = instance;
        }
        return query.Choose(first);
    }

    /// <summary>The instances' places on the ring, in order, and whose each is.</summary>
    private sealed class Ring
    {
        private readonly ulong[] _places;

        public Ring(ReadySet members, int replicas)
        {
            Members = members;
            _places = new ulong[members.Anchors.Length * replicas];
            Owners = new int[_places.Length];
            for (int i = 0; i < _places.Length; i++)
                (_places[i], Owners[i]) = (XxHash64.Mix(members.Anchors[i / replicas], (ulong)(i % replicas) + 1), i / replicas);
            Array.Sort(_places, Owners);
        }

        public ReadySet Members { get; }
        public int[] Owners { get; }

        /// <summary>Index of the first place at or after <paramref name="key"/>, round the ring.</summary>
        public int Find(ulong key)
        {
            int index = Array.BinarySearch(_places, key);
            return (index >= 0 ? index : ~index) % _places.Length;
        }
    }
}
