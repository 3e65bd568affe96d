using FleetRouter.Domain.Fleet;

namespace FleetRouter.Hosting.Journal;

/// <summary>A plain book of what each gateway has under way, kept from what gateways told a pool and what it answered them. It knows neither
/// caches nor costs nor clocks, and shares nothing with <see cref="Pool"/>: a pool whose load is not the sum over this book has lost count.</summary>
public sealed class GatewayBooks
{
    private readonly SortedDictionary<string, Book> _books = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Book> _bookOf = new(StringComparer.Ordinal);

    /// <summary>Enters what happened and what was decided upon it.</summary>
    public void Enter(PoolEvent happened, IReadOnlyList<PoolEffect> decisions)
    {
        Enter(happened);
        foreach (PoolEffect decision in decisions)
            Enter(decision);
    }

    /// <summary>Sets a pool's own count beside the sum over the gateways.</summary>
    /// <returns>Where they differ, in one line; null if nowhere.</returns>
    public string? Difference(PoolLoad pool)
    {
        if (_books.Values.Sum(book => book.Waiting) is var waiting && waiting != pool.Held)
            return $"the pool has {pool.Held} requests waiting, its gateways {waiting}{EachOf(book => book.Waiting)}";
        foreach (string instance in _books.Values.SelectMany(book => book.On.Keys).Union(pool.Requests.Keys, StringComparer.Ordinal))
            if (pool.Requests.GetValueOrDefault(instance) is var load && _books.Values.Sum(book => book.On.GetValueOrDefault(instance)) is var sum && load != sum)
                return $"the pool has {load} requests on {instance}, its gateways {sum}{EachOf(book => book.On.GetValueOrDefault(instance))}";
        return null;
    }

    private string EachOf(Func<Book, int> count) => $" ({string.Join(", ", _books.Select(book => $"{book.Key} {count(book.Value)}"))})";

    private void Enter(PoolEvent happened)
    {
        switch (happened)
        {
            case RequestArrived e: Put(e.Request.Id, e.Request.Gateway, default); break;
            case RequestAdopted e when Find(e.Request.Id) is { } place && (e.IfUnknown || place.At == e.Instance || place.Beside == e.Instance): break;
            case RequestAdopted e: Put(e.Request.Id, e.Request.Gateway, new Place(e.Instance)); break;
            case AttemptFailed e when Find(e.RequestId) is { At: not null }: Put(e.RequestId, default); break;
            case RequestProgressed { OutputTokens: > 0 } e when Find(e.RequestId) is { IsHedge: true } place: Put(e.RequestId, new Place(place.At)); break;
            case MigrationEnded e when Find(e.RequestId) is { Beside: not null, IsHedge: false } place: Put(e.RequestId, new Place(e.Failure is null ? place.Beside : place.At)); break;
            case HedgeEnded e when Find(e.RequestId) is { IsHedge: true } place: Put(e.RequestId, new Place(e.End == HedgeEnd.SecondFailed ? place.At : place.Beside)); break;
            case RequestEnded e: Remove(e.RequestId); break;
            case GatewayHas e:
                foreach (string gone in BookOf(e.Gateway).Requests.Except(e.Requests, StringComparer.Ordinal).ToList())
                    Remove(gone);
                break;
        }
    }

    private void Enter(PoolEffect decision)
    {
        switch (decision)
        {
            case Dispatch e: Put(e.RequestId, new Place(e.Instance)); break;
            case Move e: Put(e.RequestId, new Place(e.To)); break;
            case Migrate e: Put(e.RequestId, new Place(e.From, e.To)); break;
            case Hedge e: Put(e.RequestId, new Place(e.From, e.To, IsHedge: true)); break;
            case Refuse e: Remove(e.RequestId); break;
        }
    }

    /// <summary>The gateway of a pool that serves one alone has no name.</summary>
    private Book BookOf(string? gateway)
    {
        if (!_books.TryGetValue(gateway ?? "", out Book? book))
            _books.Add(gateway ?? "", book = new Book());
        return book;
    }

    private Place? Find(string request) => _bookOf.GetValueOrDefault(request)?.Find(request);

    private void Put(string request, string? gateway, Place place)
    {
        Remove(request);
        (_bookOf[request] = BookOf(gateway)).Put(request, place);
    }

    /// <summary>A request that no gateway ever told of is in no book.</summary>
    private void Put(string request, Place place) => _bookOf.GetValueOrDefault(request)?.Put(request, place);

    private void Remove(string request)
    {
        if (_bookOf.Remove(request, out Book? book))
            book.Remove(request);
    }

    /// <summary>Where a request is: at no instance while it waits, and beside the first at a second while it is carried over or asked twice.</summary>
    private readonly record struct Place(string? At, string? Beside = null, bool IsHedge = false);

    /// <summary>What one gateway has under way.</summary>
    private sealed class Book
    {
        private readonly Dictionary<string, Place> _places = new(StringComparer.Ordinal);

        public IEnumerable<string> Requests => _places.Keys;

        /// <summary>Requests that wait.</summary>
        public int Waiting { get; private set; }

        /// <summary>Requests at each instance.</summary>
        public Dictionary<string, int> On { get; } = new(StringComparer.Ordinal);

        public Place? Find(string request) => _places.TryGetValue(request, out Place place) ? place : null;

        public void Put(string request, Place place)
        {
            Remove(request);
            _places.Add(request, place);
            Count(place, 1);
        }

        public void Remove(string request)
        {
            if (_places.Remove(request, out Place place))
                Count(place, -1);
        }

        private void Count(Place place, int more)
        {
            Waiting += place.At is null ? more : 0;
            foreach (string? instance in (ReadOnlySpan<string?>)[place.At, place.Beside])
                if (instance is not null)
                    On[instance] = On.GetValueOrDefault(instance) + more;
        }
    }
}
