using System.Buffers;
using System.Diagnostics.Metrics;

namespace FleetRouter.Gateway.Telemetry;

/// <summary>Listens to meters and writes what they measured in Prometheus' text format 0.0.4.</summary>
/// <remarks>A measurement finds its series without a lock and allocates nothing once the series exists. Each family keeps
/// a bounded number of series; measurements beyond it are gathered in one series labelled <c>overflow="true"</c>.</remarks>
internal sealed class PrometheusWriter : IDisposable
{
    /// <summary>The value of the <c>Content-Type</c> header.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly MeterListener _listener = new();
    private readonly Lock _writing = new();
    private readonly Lock _naming = new();
    private readonly SortedDictionary<string, MetricFamily> _families = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _conflicts = new(StringComparer.Ordinal);
    private readonly int _maxSeries;

    /// <summary>Listens from here on.</summary>
    /// <param name="meters">Which meters to listen to. Listeners hear every meter of the process: a host that is not alone
    /// in it tells its own by <see cref="Meter.Scope"/>.</param>
    /// <param name="maxSeries">Series one family may have.</param>
    public PrometheusWriter(Func<Meter, bool> meters, int maxSeries = 2_000)
    {
        _maxSeries = maxSeries;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (meters(instrument.Meter) && FamilyOf(instrument) is { } family) listener.EnableMeasurementEvents(instrument, family);
        };
        _listener.SetMeasurementEventCallback<byte>(static (_, value, tags, family) => ((MetricFamily)family!).Record(value, tags));
        _listener.SetMeasurementEventCallback<short>(static (_, value, tags, family) => ((MetricFamily)family!).Record(value, tags));
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, family) => ((MetricFamily)family!).Record(value, tags));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, family) => ((MetricFamily)family!).Record(value, tags));
        _listener.SetMeasurementEventCallback<float>(static (_, value, tags, family) => ((MetricFamily)family!).Record(value, tags));
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, family) => ((MetricFamily)family!).Record(value, tags));
        _listener.SetMeasurementEventCallback<decimal>(static (_, value, tags, family) => ((MetricFamily)family!).Record((double)value, tags));
        _listener.Start();
    }

    /// <summary>Writes every family, ordered by name. Observable instruments are asked first; concurrent calls take turns.</summary>
    public void WriteTo(IBufferWriter<byte> output)
    {
        lock (_writing)
        {
            // Not under the lock that naming takes: an observable's callback may create instruments.
            foreach (var family in Families()) family.BeginObservation();
            _listener.RecordObservableInstruments();
            var text = new MetricText(output);
            foreach (var family in Families()) family.WriteTo(text);
            foreach (string conflict in Conflicts()) text.Append("# ").Append(conflict).Append("\n");
        }
    }

    /// <summary>Everything <see cref="WriteTo"/> writes.</summary>
    public byte[] Write()
    {
        var output = new ArrayBufferWriter<byte>(16 << 10);
        WriteTo(output);
        return output.WrittenSpan.ToArray();
    }

    public void Dispose() => _listener.Dispose();

    private MetricFamily[] Families()
    {
        lock (_naming) return [.. _families.Values];
    }

    private string[] Conflicts()
    {
        lock (_naming) return [.. _conflicts];
    }

    private MetricFamily? FamilyOf(Instrument instrument)
    {
        if (MetricKinds.Of(instrument) is not { } kind) return null;
        string name = MetricName.Of(instrument, kind);
        lock (_naming)
        {
            if (!_families.TryGetValue(name, out var family))
                _families.Add(name, family = new MetricFamily(name, kind, instrument, _maxSeries));
            if (family.Kind == kind) return family;
            _conflicts.Add($"{MetricText.OneLine(instrument.Meter.Name)}/{MetricText.OneLine(instrument.Name)} is not written: {name} is a {family.Kind}");
            return null;
        }
    }
}
