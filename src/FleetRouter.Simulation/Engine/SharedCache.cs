namespace FleetRouter.Simulation.Engine;

/// <summary>
/// A cache behind all engines of a fleet: a block that one of them computed is found by each, at no cost of transfer. No such
/// cache exists; it bounds what placement may win by finding caches. Least recently used blocks go first. Not safe for concurrent use.
/// </summary>
/// <param name="blocks">Blocks it holds, 1 or more.</param>
public sealed class SharedCache(int blocks)
{
    private readonly BlockCache _blocks = new(blocks);

    internal bool Has(ulong hash) => _blocks.TryFind(hash, out _);

    /// <summary>Puts a block in, or makes it the last to go if it is there.</summary>
    internal void Use(ulong hash)
    {
        if (_blocks.TryFind(hash, out int block))
        {
            _blocks.Hold(block);
        }
        else
        {
            block = _blocks.Take();
            _blocks.Publish(block, hash);
        }
        _blocks.Release(block);
    }
}
