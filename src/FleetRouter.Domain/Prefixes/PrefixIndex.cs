namespace FleetRouter.Domain.Prefixes;

/// <summary>What one instance's KV cache is believed to hold, learned from the router's own traffic: a radix tree over
/// chained block hashes, bounded in blocks, the least recently used evicted first and from its deepest block up.</summary>
/// <remarks>Touching a prompt renews its nodes from the deepest to the root, so a prefix is never older than what extends
/// it: the oldest node is always a leaf, and what is evicted never leaves a hole. A node is a run of blocks last used
/// together, so a lookup is one vectorised comparison a run and a hash probe a fork, whatever the prompt's length, and
/// eviction is exactly that of a cache which dates every block.</remarks>
public sealed class PrefixIndex
{
    private readonly Dictionary<ulong, Node> _roots = [];
    private Node? _oldest, _newest;
    private long _capacity;
    private int _life;

    /// <summary>An empty index of at most <paramref name="capacityBlocks"/> blocks (at least one).</summary>
    public PrefixIndex(long capacityBlocks) => _capacity = Math.Max(1, capacityBlocks);

    /// <summary>Blocks held.</summary>
    public long Blocks { get; private set; }

    /// <summary>Blocks that running requests hold, each counted once however many share it.</summary>
    public long PinnedBlocks { get; private set; }

    /// <summary>Most blocks held, but for pinned ones; shrinking evicts at once.</summary>
    public long CapacityBlocks
    {
        get => _capacity;
        set { _capacity = Math.Max(1, value); Evict(); }
    }

    /// <summary>What would be evicted, in that order: oldest first, without what is pinned. Not to be used across a change.</summary>
    public EvictionOrder Evictions => new(_oldest);

    /// <summary>Length in blocks of the longest held prefix of <paramref name="chain"/>. Changes nothing.</summary>
    public int CachedBlocks(ReadOnlySpan<ulong> chain) => CachedBlocks(chain, out _, out _);

    /// <summary>The same, with the time at which the deepest block of that prefix was last used, and how much of it is pinned.</summary>
    public int CachedBlocks(ReadOnlySpan<ulong> chain, out TimeSpan usedAt, out int pinned)
    {
        int depth = 0;
        usedAt = TimeSpan.Zero;
        pinned = 0;
        Dictionary<ulong, Node>? children = _roots;
        while (depth < chain.Length && children is not null && children.TryGetValue(chain[depth], out Node? node))
        {
            int common = node.Held.CommonPrefixLength(chain[depth..]);
            depth += common;
            usedAt = node.UsedAt;
            if (node.Pins > 0)
                pinned = depth;
            if (common < node.Length)
                break;
            children = node.Children;
        }
        return depth;
    }

    /// <summary>Records that the instance computes, or reads, the whole of <paramref name="chain"/> as the latest use.
    /// The index may keep the array, which must not change afterwards.</summary>
    public void Touch(ulong[] chain, TimeSpan now = default)
    {
        if (chain.Length == 0)
            return;
        Node? last = null;
        int depth = 0;
        while (depth < chain.Length && (last is null ? _roots : last.Children)?.TryGetValue(chain[depth], out Node? node) == true)
        {
            int common = node!.Held.CommonPrefixLength(chain.AsSpan(depth));
            depth += common;
            if (common < node.Length)
                Split(node, common);   // what lies below was not used: it keeps its age
            last = node;
        }
        if (depth < chain.Length)
            last = Extend(last, chain, depth);
        for (Node? node = last; node is not null; node = node.Parent)
        {
            node.UsedAt = now;
            Renew(node);
        }
        Evict();
    }

    /// <summary>Holds what is held of <paramref name="chain"/>, just touched, against eviction until it is unpinned: a running
    /// request's blocks stay. Several may pin one block.</summary>
    /// <returns>What <see cref="Unpin"/> is to be given.</returns>
    public PrefixPin Pin(ReadOnlySpan<ulong> chain)
    {
        int depth = 0;
        for (Node? node = Next(null, chain, 0); node is not null; node = Next(node, chain, depth))
        {
            depth += node.Length;
            if (node.Pins++ == 0)
                PinnedBlocks += node.Length;
        }
        return new PrefixPin(_life, depth);
    }

    /// <summary>Lets go of what <see cref="Pin"/> held. Its blocks are the latest used, as an engine frees them then.</summary>
    public void Unpin(ReadOnlySpan<ulong> chain, PrefixPin pin, TimeSpan now)
    {
        if (pin.Life != _life)
            return;
        Node? last = null;
        // Not beyond: others may have added below, where the prompt did not fit, and pinned what they added.
        for (int depth = 0; depth < pin.Depth; depth += last.Length)
        {
            last = Next(last, chain, depth)!;
            if (--last.Pins == 0)
                PinnedBlocks -= last.Length;
        }
        for (Node? node = last; node is not null; node = node.Parent)
        {
            node.UsedAt = now;
            Renew(node);
        }
        Evict();
    }

    /// <summary>The node of <paramref name="chain"/> after <paramref name="node"/>, which ends at <paramref name="depth"/>; what is
    /// pinned ends with a node.</summary>
    private Node? Next(Node? node, ReadOnlySpan<ulong> chain, int depth) =>
        depth < chain.Length ? (node is null ? _roots : node.Children)?.GetValueOrDefault(chain[depth]) : null;

    /// <summary>Forgets everything, as an engine does that restarts or sleeps.</summary>
    public void Clear()
    {
        _roots.Clear();
        _oldest = _newest = null;
        Blocks = PinnedBlocks = 0;
        _life++;
    }

    private Dictionary<ulong, Node> ChildrenOf(Node? node) => node is null ? _roots : node.Children ??= [];

    /// <summary>Cuts a run in two; the lower part keeps the children and stands just behind the upper one in age.</summary>
    private void Split(Node upper, int at)
    {
        var lower = new Node { Parent = upper, Children = upper.Children, UsedAt = upper.UsedAt, Pins = upper.Pins };
        lower.Hold(upper.Run, upper.Start + at, upper.Length - at);
        foreach (Node child in lower.Children?.Values ?? Enumerable.Empty<Node>())
            child.Parent = lower;
        upper.Hold(upper.Run, upper.Start, at);
        upper.Children = new Dictionary<ulong, Node> { [lower.First] = lower };
        lower.Newer = upper;
        lower.Older = upper.Older;
        if (upper.Older is null) _oldest = lower; else upper.Older.Newer = lower;
        upper.Older = lower;
    }

    /// <summary>Appends the rest of a chain: to the leaf itself, as a conversation grows, or as a child at a fork.</summary>
    private Node Extend(Node? last, ulong[] chain, int depth)
    {
        int rest = chain.Length - depth;
        Blocks += rest;
        if (last is { Pins: 0, Children: null or { Count: 0 } })
        {
            last.Hold(chain, depth - last.Length, last.Length + rest);
            return last;
        }
        var node = new Node { Parent = last };
        node.Hold(chain, depth, rest);
        ChildrenOf(last).Add(node.First, node);
        node.Older = _newest;
        if (_newest is null) _oldest = node; else _newest.Newer = node;
        _newest = node;
        return node;
    }

    private void Renew(Node node)
    {
        if (node == _newest)
            return;
        Unlink(node);
        node.Older = _newest;
        node.Newer = null;
        if (_newest is null) _oldest = node; else _newest.Newer = node;
        _newest = node;
    }

    private void Unlink(Node node)
    {
        if (node.Older is null) _oldest = node.Newer; else node.Older.Newer = node.Newer;
        if (node.Newer is null) _newest = node.Older; else node.Newer.Older = node.Older;
    }

    private void Evict()
    {
        Node? firstPinned = null;
        while (Blocks > _capacity && _oldest != firstPinned)
        {
            Node leaf = _oldest!;
            if (leaf.Pins > 0)
            {
                firstPinned ??= leaf;
                Renew(leaf);   // its turn comes again when it is let go
                continue;
            }
            int excess = (int)Math.Min(Blocks - _capacity, leaf.Length);
            Blocks -= excess;
            leaf.Length -= excess;
            if (leaf.Length > 0)
                continue;
            Unlink(leaf);
            ChildrenOf(leaf.Parent).Remove(leaf.First);
            leaf.Run = [];
            leaf.Older = leaf.Newer = leaf.Parent = null;   // else one that has grown old would keep all after it from a young collection
        }
    }

    internal sealed class Node
    {
        public ulong[] Run = [];
        public int Start, Length;
        public TimeSpan UsedAt;
        public int Pins;
        public Node? Parent, Older, Newer;
        public Dictionary<ulong, Node>? Children;
        public ulong First => Run[Start];
        public ReadOnlySpan<ulong> Held => Run.AsSpan(Start, Length);

        /// <summary>Makes a stretch of <paramref name="blocks"/> the run: shared where it is at least half of the array, so
        /// that a long prompt is not copied and a short run keeps no long array alive.</summary>
        public void Hold(ulong[] blocks, int start, int length) => (Run, Start, Length) = 2 * length >= blocks.Length
            ? (blocks, start, length)
            : (blocks.AsSpan(start, length).ToArray(), 0, length);
    }
}

/// <summary>How far down a prompt was pinned, and in which life of the index.</summary>
/// <param name="Life">How often the index was cleared before.</param>
/// <param name="Depth">Blocks pinned.</param>
public readonly record struct PrefixPin(int Life, int Depth);

/// <summary>A stretch of blocks last used together.</summary>
/// <param name="Blocks">Its length.</param>
/// <param name="UsedAt">When.</param>
public readonly record struct CachedRun(int Blocks, TimeSpan UsedAt);

/// <summary>The order in which a <see cref="PrefixIndex"/> evicts.</summary>
public struct EvictionOrder
{
    private PrefixIndex.Node? _next;

    internal EvictionOrder(PrefixIndex.Node? oldest) => _next = oldest;

    /// <summary>The stretch the last <see cref="MoveNext"/> came to.</summary>
    public CachedRun Current { get; private set; }

    /// <summary>Goes on to the next stretch; false after the last.</summary>
    public bool MoveNext()
    {
        while (_next is { Pins: > 0 })
            _next = _next.Newer;
        if (_next is not { } node)
            return false;
        Current = new CachedRun(node.Length, node.UsedAt);
        _next = node.Newer;
        return true;
    }

    /// <summary>For <c>foreach</c>.</summary>
    public readonly EvictionOrder GetEnumerator() => this;
}
