using System.Globalization;

namespace FleetRouter.LoadGen.Reports;

/// <summary>Maps values to 0..1 along an axis, linear or logarithmic, and chooses round ticks.</summary>
internal sealed class PlotAxis
{
    private const int MostTicks = 7;
    private readonly bool _logarithmic;
    private readonly double _from, _to;

    private PlotAxis(bool logarithmic, double from, double to, IReadOnlyList<double> ticks) =>
        (_logarithmic, _from, _to, Ticks) = (logarithmic, from, to, ticks);

    public IReadOnlyList<double> Ticks { get; }

    /// <summary>From zero to a round value at or above the largest.</summary>
    public static PlotAxis Linear(IEnumerable<double> values, double? top = null)
    {
        var max = top ?? values.DefaultIfEmpty(0).Max();
        if (!(max > 0)) max = 1;
        var step = Math.Pow(10, Math.Floor(Math.Log10(max / (MostTicks - 1))));
        step = new[] { 1, 2, 2.5, 5, 10 }.Select(factor => factor * step).First(candidate => max / candidate <= MostTicks - 1);
        var end = top ?? Math.Ceiling(max / step - 1e-9) * step;
        return new PlotAxis(false, 0, end, [.. Enumerable.Range(0, (int)Math.Floor(end / step + 1e-9) + 1).Select(i => i * step)]);
    }

    /// <summary>Over the decades that hold all values above zero; smaller ones stand at its beginning.</summary>
    public static PlotAxis Logarithmic(IEnumerable<double> values)
    {
        double[] positive = [.. values.Where(value => value > 0)];
        if (positive.Length == 0) positive = [1];
        // Six decades are the most a reader tells apart; what is below joins the first.
        var to = Math.Ceiling(Math.Log10(positive.Max()) + 1e-9);
        var from = Math.Max(Math.Min(Math.Floor(Math.Log10(positive.Min())), to - 1), to - 6);
        return new PlotAxis(true, from, to, [.. Enumerable.Range((int)from, (int)(to - from) + 1).Select(exponent => Math.Pow(10, exponent))]);
    }

    public double Place(double value)
    {
        var scaled = _logarithmic ? Math.Log10(Math.Max(value, Math.Pow(10, _from))) : value;
        return Math.Clamp((scaled - _from) / (_to - _from), 0, 1);
    }

    public static string Label(double value) => value switch
    {
        0 => "0",
        >= 1e6 => (value / 1e6).ToString("0.##", CultureInfo.InvariantCulture) + "M",
        >= 1e4 => (value / 1e3).ToString("0.##", CultureInfo.InvariantCulture) + "k",
        _ => value.ToString("0.####", CultureInfo.InvariantCulture),
    };
}
