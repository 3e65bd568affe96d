namespace FleetRouter.Simulation.Engine;

/// <summary>
/// The KV cache's blocks: reference counts, the list of free blocks in the order they are taken, and the index from hash to
/// block. A freed block keeps its hash until it is taken for something else: that is the prefix cache. Storage grows with
/// the blocks in use, so that a simulation may hold thousands of engines.
/// </summary>
internal sealed class BlockCache(int capacity)
{
    private const int None = -1;

    private Block[] _blocks = new Block[Math.Min(capacity, 64)];
    private int[] _index = new int[128]; // Open addressing, linear probing; block + 1, 0 is empty.
    private int _indexed;
    private int _untouched; // Blocks from here on have never been used; they are taken first.
    private int _oldest = None;
    private int _newest = None;
    private int _listed;
    private int _watch; // Number of the prefix watched; blocks of it carry the number.
    private ulong _watchedNext;

    private struct Block
    {
        public ulong Hash;
        public int References;
        public int Older;
        public int Newer;
        public int Watch;
        public int FreedAt;
    }

    public int Capacity => capacity;

    /// <summary>Blocks no request holds, cached ones included.</summary>
    public int Free => _listed + (capacity - _untouched);

    public int Used => capacity - Free;

    /// <summary>Blocks that can be found by their hash.</summary>
    public int Cached => _indexed;

    public bool TryFind(ulong hash, out int block)
    {
        for (int slot = Home(hash); _index[slot] != 0; slot = (slot + 1) & (_index.Length - 1))
        {
            block = _index[slot] - 1;
            if (_blocks[block].Hash == hash)
                return true;
        }
        block = None;
        return false;
    }

    public bool IsFree(int block) => _blocks[block].References == 0;

    /// <summary>What time it is, milliseconds; only ages are told by it.</summary>
    public int Now { get; set; }

    /// <summary>For how long the block that would be taken next has been free, milliseconds; null while there are blocks never used.</summary>
    public int? OldestAge => _untouched < capacity || _oldest == None ? null : Now - _blocks[_oldest].FreedAt;

    /// <summary>Whether the prefix given to <see cref="Watch"/> still is the longest that can be found.</summary>
    public bool WatchHolds { get; private set; }

    /// <summary>Blocks of the watched prefix that no request holds.</summary>
    public int WatchedFree { get; private set; }

    /// <summary>Watches a prefix, in place of the one before: a request that waits for room asks at every step, and a long
    /// prompt has thousands of blocks to look up.</summary>
    /// <param name="found">Its blocks; one below 0 is elsewhere.</param>
    /// <param name="free">How many of them no request holds.</param>
    /// <param name="next">Hash of the block after them, which was not found; 0 if no more are wanted.</param>
    public void Watch(List<int> found, int free, ulong next)
    {
        (WatchHolds, WatchedFree, _watchedNext) = (true, free, next);
        _watch++;
        foreach (int block in found)
        {
            if (block >= 0)
                _blocks[block].Watch = _watch;
        }
    }

    /// <summary>Holds a cached block once more.</summary>
    public void Hold(int block)
    {
        if (_blocks[block].References++ > 0)
            return;
        Unlink(block);
        WatchedFree -= IsWatched(block) ? 1 : 0;
    }

    /// <summary>Takes a free block, the least recently freed; what it cached is forgotten. The caller has checked <see cref="Free"/>.</summary>
    public int Take()
    {
        int block;
        if (_untouched < capacity)
        {
            block = _untouched++;
            if (block == _blocks.Length)
                Array.Resize(ref _blocks, (int)Math.Min(capacity, _blocks.Length * 2L));
        }
        else
        {
            block = _oldest;
            Unlink(block);
            if (_blocks[block].Hash != 0)
                Forget(block);
        }
        _blocks[block].References = 1;
        return block;
    }

    /// <summary>Makes a full block findable. A hash that another block has already is left to that one.</summary>
    public void Publish(int block, ulong hash)
    {
        if (_blocks[block].Hash != 0 || TryFind(hash, out _))
            return;
        if ((_indexed + 1) * 2 > _index.Length)
            GrowIndex();
        _blocks[block].Hash = hash;
        WatchHolds &= hash != _watchedNext;
        Insert(block);
        _indexed++;
    }

    /// <summary>Gives a block back; it becomes the last to be taken.</summary>
    public void Release(int block)
    {
        ref var released = ref _blocks[block];
        if (--released.References > 0)
            return;
        WatchedFree += IsWatched(block) ? 1 : 0;
        released.FreedAt = Now;
        released.Older = _newest;
        released.Newer = None;
        if (_newest == None)
            _oldest = block;
        else
            _blocks[_newest].Newer = block;
        _newest = block;
        _listed++;
    }

    private bool IsWatched(int block) => _watch > 0 && _blocks[block].Watch == _watch;

    private void Unlink(int block)
    {
        var (older, newer) = (_blocks[block].Older, _blocks[block].Newer);
        if (older == None)
            _oldest = newer;
        else
            _blocks[older].Newer = newer;
        if (newer == None)
            _newest = older;
        else
            _blocks[newer].Older = older;
        _listed--;
    }

    private int Home(ulong hash) => (int)(hash >> 32) & (_index.Length - 1);

    private void Insert(int block)
    {
        int slot = Home(_blocks[block].Hash);
        while (_index[slot] != 0)
            slot = (slot + 1) & (_index.Length - 1);
        _index[slot] = block + 1;
    }

    private void GrowIndex()
    {
        var old = _index;
        _index = new int[old.Length * 2];
        foreach (int entry in old)
        {
            if (entry != 0)
                Insert(entry - 1);
        }
    }

    private void Forget(int block)
    {
        int mask = _index.Length - 1;
        int hole = Home(_blocks[block].Hash);
        while (_index[hole] != block + 1)
            hole = (hole + 1) & mask;
        // Entries behind the hole move up unless they already are at or past their home: no tombstones, so probes stay short.
        for (int slot = (hole + 1) & mask; _index[slot] != 0; slot = (slot + 1) & mask)
        {
            int home = Home(_blocks[_index[slot] - 1].Hash);
            if (((slot - home) & mask) >= ((slot - hole) & mask))
            {
                _index[hole] = _index[slot];
                hole = slot;
            }
        }
        _index[hole] = 0;
        _blocks[block].Hash = 0;
        WatchHolds &= !IsWatched(block);
        _indexed--;
    }
}
