namespace FleetRouter.Simulation.Comparison;

/// <summary>The highest step at which a promise holds.</summary>
/// <param name="Step">The step.</param>
/// <param name="IsBound">Whether it held at every rate the workload can reach: capacity is this rate at least.</param>
public readonly record struct Capacity(int Step, bool IsBound);

/// <summary>Finds where on a scale of rates a promise stops to hold. Deterministic: the same answers lead to the same questions.</summary>
/// <param name="holds">Whether the promise holds at a step.</param>
/// <param name="rate">Requests a second at a step.</param>
/// <param name="resolution">Steps between the answer and the lowest failing step, 1 or more.</param>
public sealed class CapacitySearch(Func<int, bool> holds, Func<int, double> rate, int resolution = 1)
{
    private const int FirstStride = 8, LongestStride = 32;

    /// <summary>A hundredth of the rate first looked at, in steps.</summary>
    private const int Deepest = 310;

    /// <summary>The highest step found at which the promise holds; null if it holds nowhere down to a hundredth of the first rate.</summary>
    /// <remarks>Brackets by growing strides and bisects. Near its knee a policy may fail at one rate and hold at the next: after
    /// each answer the step beyond the failing one is tried too, and the search goes on from there if it holds.</remarks>
    /// <param name="start">Where to look first.</param>
    public Capacity? Find(int start)
    {
        if (holds(start))
            return From(start);
        return Below(start) is { } step ? Beyond(step) : null;
    }

    /// <summary>The highest step at or below <paramref name="from"/> at which the promise holds, by growing strides downwards; null if none is found.</summary>
    /// <param name="from">Where to look first.</param>
    public int? AtOrBelow(int from) => holds(from) ? from : Below(from);

    private int? Below(int failing)
    {
        int high = failing;
        for (int stride = resolution; high > failing - Deepest; stride = Math.Min(2 * stride, LongestStride))
        {
            if (holds(high - stride))
                return Bisect(high - stride, high);
            high -= stride;
        }
        return null;
    }

    private Capacity Beyond(int low)
    {
        int beyond = low + 2 * resolution;
        return holds(beyond) ? From(beyond) : new Capacity(low, false);
    }

    private Capacity From(int holding)
    {
        int low = holding;
        for (int stride = FirstStride; !IsBound(low); stride = Math.Min(2 * stride, LongestStride))
        {
            if (!holds(low + stride))
                return Beyond(Bisect(low, low + stride));
            low += stride;
        }
        return new Capacity(low, true);
    }

    // Sessions that all start at once come no faster if they start still more at once.
    private bool IsBound(int step) => rate(step + LongestStride) < 1.02 * rate(step);

    private int Bisect(int low, int high)
    {
        while (high - low > resolution)
        {
            int middle = low + (high - low) / 2;
            (low, high) = holds(middle) ? (middle, high) : (low, middle);
        }
        return low;
    }
}
