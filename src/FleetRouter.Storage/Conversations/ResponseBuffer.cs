using System.Diagnostics.CodeAnalysis;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Storage.Conversations;

/// <summary>Answers, and deletions of answers, that wait to be written, in the order they came. One of each id at most waits: the last.</summary>
/// <param name="mostBytes">Bytes they may take together.</param>
internal sealed class ResponseBuffer(long mostBytes)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<PendingWrite> _order = new();   // what is being written first
    private readonly Dictionary<string, LinkedListNode<PendingWrite>> _latest = new(StringComparer.Ordinal);
    private long _bytes;

    /// <summary>Bytes that wait or are being written.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Writes that wait or are being made.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _order.Count;
        }
    }

    /// <summary>What became of an answer last, if that is not written yet.</summary>
    public bool TryFind(string id, [NotNullWhen(true)] out PendingWrite? write)
    {
        lock (_gate)
            write = _latest.TryGetValue(id, out LinkedListNode<PendingWrite>? node) ? node.Value : null;
        return write is not null;
    }

    /// <summary>Adds a write. The oldest that wait make room for it; if that is not enough it goes itself.</summary>
    /// <returns>What had to go.</returns>
    public IReadOnlyList<PendingWrite> Add(PendingWrite write)
    {
        List<PendingWrite>? gone = null;
        lock (_gate)
        {
            if (_latest.TryGetValue(write.Id, out LinkedListNode<PendingWrite>? before) && !before.Value.InFlight)
                Remove(before);
            LinkedListNode<PendingWrite> added = _latest[write.Id] = _order.AddLast(write);
            _bytes += write.Bytes;
            for (LinkedListNode<PendingWrite>? node = _order.First; _bytes > mostBytes && node is not null;)
            {
                LinkedListNode<PendingWrite>? next = node.Next;
                if (!node.Value.InFlight)
                {
                    Remove(node);
                    (gone ??= []).Add(node.Value);
                }
                node = next;
            }
            if (before is { Value.InFlight: false })
                before.Value.Done.TrySetResult(0);   // the later write stands for it
        }
        foreach (PendingWrite lost in gone ?? [])
            lost.Done.TrySetResult(0);
        return gone ?? (IReadOnlyList<PendingWrite>)[];
    }

    /// <summary>Takes the oldest to be written; they stay here, to be found, until <see cref="Remove(IReadOnlyList{PendingWrite})"/>.</summary>
    public List<PendingWrite> Take(int mostWrites, long mostBytes)
    {
        var taken = new List<PendingWrite>();
        lock (_gate)
            foreach (PendingWrite write in _order)
            {
                mostBytes -= write.Bytes;
                if (taken.Count > 0 && (taken.Count == mostWrites || mostBytes < 0))
                    break;
                write.InFlight = true;
                taken.Add(write);
            }
        return taken;
    }

    /// <summary>Lets what could not be written wait on, in its old order.</summary>
    public void Return(IReadOnlyList<PendingWrite> taken)
    {
        lock (_gate)
            foreach (PendingWrite write in taken)
                write.InFlight = false;
    }

    /// <summary>Forgets what was taken: it is written, or never will be.</summary>
    public void Remove(IReadOnlyList<PendingWrite> taken)
    {
        lock (_gate)
            foreach (PendingWrite write in taken)
                for (LinkedListNode<PendingWrite>? node = _order.First; node is not null; node = node.Next)
                    if (ReferenceEquals(node.Value, write))
                    {
                        Remove(node);
                        break;
                    }
    }

    private void Remove(LinkedListNode<PendingWrite> node)
    {
        _order.Remove(node);
        _bytes -= node.Value.Bytes;
        if (_latest.TryGetValue(node.Value.Id, out LinkedListNode<PendingWrite>? latest) && latest == node)
            _latest.Remove(node.Value.Id);
    }
}

/// <summary>One write that is not made yet.</summary>
/// <param name="Id">The answer's id.</param>
/// <param name="Owner">Whose it is.</param>
/// <param name="Response">The answer; null deletes it.</param>
internal sealed record PendingWrite(string Id, string Owner, StoredResponse? Response)
{
    private const int Overhead = 512;   // the record, its node and its entry, roughly

    /// <summary>Bytes it takes while it waits.</summary>
    public long Bytes { get; } = Overhead + 2 * (Id.Length + Owner.Length) + (Response is { } r ? r.Input.Length + r.Body.Length : 0);

    /// <summary>Set once it is written, superseded or dropped, to the rows it changed.</summary>
    public TaskCompletionSource<int> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Whether it is being written; under the buffer's lock.</summary>
    public bool InFlight { get; set; }

    /// <summary>Whether <paramref name="owner"/> may see an answer here.</summary>
    public StoredResponse? SeenBy(string owner, DateTimeOffset now) =>
        Response is { } response && response.Owner == owner && response.ExpiresAt > now ? response : null;
}
