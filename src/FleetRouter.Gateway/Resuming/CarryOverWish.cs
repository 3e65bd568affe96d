using FleetRouter.Hosting;

namespace FleetRouter.Gateway.Resuming;

/// <summary>Where the pool wants a request to be, from the pool's thread to the one that passes the answer on.</summary>
internal sealed class CarryOverWish
{
    private CarryOver? _wish;
    private Action? _wake;

    /// <summary>Called when a request is to move at once or to be asked twice, which its reader may be waiting too long to see.</summary>
    public Action? Wake
    {
        set => Volatile.Write(ref _wake, value);
    }

    public void Ask(CarryOver wish)
    {
        Volatile.Write(ref _wish, wish);
        if (wish.AtOnce || wish.IsHedge)
            Volatile.Read(ref _wake)?.Invoke();
    }

    /// <summary>Whether there is a wish.</summary>
    public bool IsThere => Volatile.Read(ref _wish) is not null;

    /// <summary>Whether there is a wish to move at once.</summary>
    public bool IsUrgent => Volatile.Read(ref _wish) is { AtOnce: true };

    /// <summary>The wish, once; null without one.</summary>
    public CarryOver? Take() => !IsThere ? null : Interlocked.Exchange(ref _wish, null);
}
