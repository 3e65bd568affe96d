using System.Globalization;
using System.Text.RegularExpressions;

namespace FleetRouter.Gateway.Configuration;

/// <summary>Numbers, durations and sizes. The last two always carry a unit.</summary>
internal static partial class Quantities
{
    private static readonly (string Unit, decimal Size, string[] Aliases)[] DurationUnits =
    [
        ("d", TimeSpan.TicksPerDay, ["day", "days"]),
        ("h", TimeSpan.TicksPerHour, ["hr", "hour", "hours"]),
        ("m", TimeSpan.TicksPerMinute, ["min", "mins", "minute", "minutes"]),
        ("s", TimeSpan.TicksPerSecond, ["sec", "secs", "second", "seconds"]),
        ("ms", TimeSpan.TicksPerMillisecond, ["msec", "millis", "millisecond", "milliseconds"]),
    ];

    private static readonly (string Unit, decimal Size, string[] Aliases)[] SizeUnits =
    [
        ("GiB", 1L << 30, ["g", "gb", "gi"]),
        ("MiB", 1L << 20, ["m", "mb", "mi"]),
        ("KiB", 1L << 10, ["k", "kb", "ki"]),
        ("B", 1, ["byte", "bytes"]),
    ];

    /// <summary>A time with its unit, as in <c>500ms</c>, <c>1.5s</c>, <c>10m</c>.</summary>
    public static ValueKind<TimeSpan> Duration(TimeSpan min, TimeSpan max) => Measured("duration", "ms, s, m, h or d", DurationUnits,
        ticks => TimeSpan.FromTicks((long)ticks), time => time.Ticks, min, max, _ => "s");

    /// <summary>A number of bytes with its unit, as in <c>64MiB</c>.</summary>
    public static ValueKind<long> Size(long min, long max) => Measured("size", "B, KiB, MiB or GiB", SizeUnits,
        bytes => (long)bytes, bytes => bytes, min, max, number => number < 1024 ? "MiB" : "B");

    /// <summary>A whole number.</summary>
    public static ValueKind<long> Count(long min, long max)
    {
        string range = $"{Digits(min)} to {Digits(max)}";
        return new ValueKind<long>("whole number", range, text =>
        {
            if (!WholeNumber().IsMatch(text))
            {
                string plain = text.Replace("_", "").Replace(",", "").Replace("'", "");
                return Parsed<long>.Wrong($"{Shown.Value(text)} is no whole number", WholeNumber().IsMatch(plain) ? $"write {plain}" : $"write digits only, {range}");
            }
            return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) && value >= min && value <= max
                ? new Parsed<long>(value)
                : Parsed<long>.Wrong($"{Shown.Value(text)} is out of range", $"write {range}");
        }, Digits)
        { Unquoted = true };
    }

    /// <summary>A whole number that fits an <see cref="int"/>.</summary>
    public static ValueKind<int> SmallCount(int min, int max)
    {
        var count = Count(min, max);
        return new ValueKind<int>(count.Type, count.Range, text => count.Parse(text) is { What: { } what, Remedy: var remedy }
            ? Parsed<int>.Wrong(what, remedy!)
            : new Parsed<int>((int)count.Parse(text).Value), value => count.Format(value))
        { Unquoted = true };
    }

    /// <summary>A number that need not be whole, without a unit.</summary>
    public static ValueKind<double> Number(double min, double max)
    {
        string range = $"{Digits((long)min)} to {Digits((long)max)}";
        return new ValueKind<double>("number", range, text =>
            !double.TryParse(text, NumberStyles.Float & ~NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double value) || !double.IsFinite(value)
                ? Parsed<double>.Wrong($"{Shown.Value(text)} is no number", $"write digits only, {range}")
                : value < min || value > max ? Parsed<double>.Wrong($"{Shown.Value(text)} is out of range", $"write {range}") : new Parsed<double>(value),
            value => value.ToString("0.###", CultureInfo.InvariantCulture))
        { Unquoted = true };
    }

    private static ValueKind<T> Measured<T>(string type, string units, (string Unit, decimal Size, string[] Aliases)[] table,
        Func<decimal, T> make, Func<T, decimal> measure, T min, T max, Func<decimal, string> usualUnit)
    {
        string Format(T value)
        {
            decimal amount = measure(value);
            var (unit, size, _) = amount == 0 ? table.First(entry => entry.Unit is "s" or "B") : table.First(entry => amount % entry.Size == 0 || entry == table[^1]);
            return (amount / size).ToString("0.######", CultureInfo.InvariantCulture) + unit;
        }

        string range = $"{Format(min)} to {Format(max)}";
        return new ValueKind<T>(type, range, text =>
        {
            var match = NumberAndUnit().Match(text);
            if (!match.Success || !decimal.TryParse(match.Groups[1].ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture, out decimal number))
                return Parsed<T>.Wrong($"{Shown.Value(text)} is no {type}", $"write a number and a unit ({units}), {range}");
            string unit = match.Groups[3].Value, numeral = match.Groups[1].Value;
            if (unit.Length == 0)
                return Parsed<T>.Wrong($"{Shown.Value(text)} has no unit", $"write {numeral}{usualUnit(number)}");
            var entry = table.FirstOrDefault(entry => entry.Unit == unit);
            if (entry.Unit is null || match.Groups[2].Length > 0)
            {
                var meant = table.FirstOrDefault(entry => entry.Unit.Equals(unit, StringComparison.OrdinalIgnoreCase)
                    || entry.Aliases.Contains(unit, StringComparer.OrdinalIgnoreCase));
                return Parsed<T>.Wrong($"{Shown.Value(text)} has no unit known here", meant.Unit is null ? $"write the unit as {units}" : $"write {numeral}{meant.Unit}");
            }
            decimal amount = number <= 1_000_000_000_000 ? number * entry.Size : decimal.MaxValue;
            return number < 0 || amount < measure(min) || amount > measure(max)
                ? Parsed<T>.Wrong($"{Shown.Value(text)} is out of range", $"write {range}")
                : new Parsed<T>(make(amount));
        }, Format);
    }

    private static string Digits(long value) => value.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^-?[0-9]+\z")]
    private static partial Regex WholeNumber();

    [GeneratedRegex(@"^(-?[0-9]{1,25}(?:\.[0-9]{1,9})?)(\s*)([A-Za-z]*)\z")]
    private static partial Regex NumberAndUnit();
}

/// <summary>Shows a user's own value back to them, cut to a length that fits a line.</summary>
internal static class Shown
{
    public static string Value(string text) => $"'{(text.Length <= 60 ? text : text[..60] + "…")}'";
}
