namespace FleetRouter.Gateway.Telemetry;

/// <summary>Finds a series by its tags as given, without a lock and without allocating: a hash table with open addressing
/// whose slots are only ever filled. One thread at a time adds; any number look.</summary>
internal sealed class SeriesTable
{
    private readonly Entry?[] _slots;

    public SeriesTable() : this(new Entry?[8], 0)
    {
    }

    private SeriesTable(Entry?[] slots, int count)
    {
        _slots = slots;
        Count = count;
    }

    /// <summary>Tag combinations known.</summary>
    public int Count { get; private set; }

    /// <summary>The series of these tags in this order, or null.</summary>
    public MetricSeries? Find(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        int hash = Hash(tags), mask = _slots.Length - 1;
        for (int at = hash & mask; ; at = (at + 1) & mask)
        {
            var entry = Volatile.Read(ref _slots[at]);
            if (entry is null) return null;
            if (entry.Hash == hash && Same(entry.Tags, tags)) return entry.Series;
        }
    }

    /// <summary>This table, or a larger one, with the series added.</summary>
    public SeriesTable With(ReadOnlySpan<KeyValuePair<string, object?>> tags, MetricSeries series)
    {
        if (Find(tags) is not null) return this;
        var table = this;
        if ((Count + 1) * 2 > _slots.Length)
        {
            table = new SeriesTable(new Entry?[_slots.Length * 2], Count);
            foreach (var entry in _slots)
                if (entry is not null)
                    table.Fill(entry);
        }
        table.Fill(new Entry(Hash(tags), tags.ToArray(), series));
        table.Count++;
        return table;
    }

    private void Fill(Entry entry)
    {
        int mask = _slots.Length - 1, at = entry.Hash & mask;
        while (_slots[at] is not null) at = (at + 1) & mask;
        Volatile.Write(ref _slots[at], entry);
    }

    private static int Hash(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var hash = new HashCode();
        foreach (var (name, value) in tags)
        {
            hash.Add(name);
            hash.Add(value);
        }
        return hash.ToHashCode();
    }

    private static bool Same(KeyValuePair<string, object?>[] a, ReadOnlySpan<KeyValuePair<string, object?>> b)
    {
        if (a.Length != b.Length) return false;
        for (int i = 0; i < a.Length; i++)
            if (a[i].Key != b[i].Key || !Equals(a[i].Value, b[i].Value))
                return false;
        return true;
    }

    private sealed record Entry(int Hash, KeyValuePair<string, object?>[] Tags, MetricSeries Series);
}
