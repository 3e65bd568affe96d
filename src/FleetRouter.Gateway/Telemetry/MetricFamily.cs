using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace FleetRouter.Gateway.Telemetry;

/// <summary>All series of one metric.</summary>
internal sealed class MetricFamily
{
    private readonly byte[] _name;
    private readonly byte[] _header;
    private readonly double[] _bounds;
    private readonly byte[][] _boundLabels;
    private readonly int _maxSeries;
    private readonly Lock _lock = new();
    private SeriesTable _table = new();
    private Dictionary<string, MetricSeries> _byLabels = new(StringComparer.Ordinal);
    private MetricSeries? _overflow;

    public MetricFamily(string name, MetricKind kind, Instrument instrument, int maxSeries)
    {
        Kind = kind;
        _maxSeries = maxSeries;
        _name = Encoding.UTF8.GetBytes(name);
        string help = string.IsNullOrWhiteSpace(instrument.Description) ? instrument.Name : instrument.Description;
        _header = Encoding.UTF8.GetBytes($"# HELP {name} {MetricText.EscapeHelp(help)}\n# TYPE {name} {kind.TypeWord()}\n");
        _bounds = kind == MetricKind.Histogram ? MetricKinds.Bounds(instrument) : [];
        _boundLabels = [.. _bounds.Select(bound => bound.ToString(CultureInfo.InvariantCulture)).Append("+Inf").Select(bound => Encoding.UTF8.GetBytes($"le=\"{bound}\""))];
    }

    public MetricKind Kind { get; }

    /// <summary>Takes one measurement.</summary>
    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        (Volatile.Read(ref _table).Find(tags) ?? FindOrAdd(tags)).Record(value);

    /// <summary>Forgets an observed family's series: what is not told this time does not exist any more.</summary>
    public void BeginObservation()
    {
        if (!Kind.IsObserved()) return;
        lock (_lock)
        {
            Volatile.Write(ref _table, new SeriesTable());
            _byLabels = new Dictionary<string, MetricSeries>(StringComparer.Ordinal);
            _overflow = null;
        }
    }

    /// <summary>Writes the family, its series ordered by labels; nothing while there is none.</summary>
    public void WriteTo(MetricText text)
    {
        MetricSeries[] series;
        lock (_lock)
            series = [.. _byLabels.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value)];
        if (series.Length == 0) return;
        text.Append(_header);
        foreach (var one in series) one.WriteTo(text, _name);
    }

    private MetricSeries FindOrAdd(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        // Full: no lock for the measurements of a flood of label values.
        if (Volatile.Read(ref _overflow) is { } overflow) return overflow;
        string labels = MetricText.Labels(tags);
        lock (_lock)
        {
            // The same tags in another order are another entry of the table and the same series.
            if (!_byLabels.TryGetValue(labels, out var series))
            {
                if (_byLabels.Count >= _maxSeries) return Overflow();
                _byLabels.Add(labels, series = Create(labels));
            }
            if (_table.Count < _maxSeries * 4) Volatile.Write(ref _table, _table.With(tags, series));
            return series;
        }
    }

    // Called under the lock.
    private MetricSeries Overflow()
    {
        const string Labels = "overflow=\"true\"";
        if (!_byLabels.TryGetValue(Labels, out var series)) _byLabels.Add(Labels, series = Create(Labels));
        Volatile.Write(ref _overflow, series);
        return series;
    }

    private MetricSeries Create(string text)
    {
        byte[] labels = Encoding.UTF8.GetBytes(text);
        return Kind switch
        {
            MetricKind.Counter => new SumSeries(labels, mayFall: false),
            MetricKind.UpDown => new SumSeries(labels, mayFall: true),
            MetricKind.Histogram => new HistogramSeries(labels, _bounds, _boundLabels),
            _ => new LastSeries(labels),
        };
    }
}
