using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;
using FleetRouter.Engines.Prometheus;
using FleetRouter.Gateway.Telemetry;

namespace FleetRouter.Gateway.Tests.Telemetry;

public sealed class PrometheusWriterTests : IDisposable
{
    private readonly Meter _meter = new("test");
    private readonly PrometheusWriter _writer;

    public PrometheusWriterTests() => _writer = new PrometheusWriter(meter => meter == _meter, maxSeries: 50);

    public void Dispose()
    {
        _writer.Dispose();
        _meter.Dispose();
    }

    [Fact]
    public void Every_kind_of_instrument_is_written_as_prometheus_reads_it()
    {
        var requests = _meter.CreateCounter<long>("fleetrouter.requests", "{request}", "Requests by outcome.");
        requests.Add(2, new("pool", "p"), new("outcome", "ok"));
        requests.Add(3, new("outcome", "ok"), new("pool", "p"));
        requests.Add(-1, new("pool", "p"), new("outcome", "ok"));
        requests.Add(1, new("pool", "p"), new("outcome", "busy"));
        _meter.CreateUpDownCounter<int>("fleetrouter.leases", null, "Requests dispatched and not yet ended.").Add(4);
        _meter.CreateGauge<double>("fleetrouter.kv_usage", "1", "Fullest instance.").Record(0.25);
        _meter.CreateObservableGauge("fleetrouter.instances", () => new[] { new Measurement<int>(2, new KeyValuePair<string, object?>("state", "ready")) });
        var duration = _meter.CreateHistogram("fleetrouter.request.duration", "s", "Whole time.", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.1, 1] });
        foreach (double seconds in new[] { 0.05, 0.1, 0.5, 7 }) duration.Record(seconds, new KeyValuePair<string, object?>("pool", "p"));
        _meter.CreateCounter<long>("fleetrouter.prompt", "{token}", "Prompt \\ tokens\nseen.").Add(1L << 40);

        Assert.Equal("""
            # HELP fleetrouter_instances fleetrouter.instances
            # TYPE fleetrouter_instances gauge
            fleetrouter_instances{state="ready"} 2
            # HELP fleetrouter_kv_usage_ratio Fullest instance.
            # TYPE fleetrouter_kv_usage_ratio gauge
            fleetrouter_kv_usage_ratio 0.25
            # HELP fleetrouter_leases Requests dispatched and not yet ended.
            # TYPE fleetrouter_leases gauge
            fleetrouter_leases 4
            # HELP fleetrouter_prompt_tokens_total Prompt \\ tokens\nseen.
            # TYPE fleetrouter_prompt_tokens_total counter
            fleetrouter_prompt_tokens_total 1099511627776
            # HELP fleetrouter_request_duration_seconds Whole time.
            # TYPE fleetrouter_request_duration_seconds histogram
            fleetrouter_request_duration_seconds_bucket{pool="p",le="0.1"} 2
            fleetrouter_request_duration_seconds_bucket{pool="p",le="1"} 3
            fleetrouter_request_duration_seconds_bucket{pool="p",le="+Inf"} 4
            fleetrouter_request_duration_seconds_sum{pool="p"} 7.65
            fleetrouter_request_duration_seconds_count{pool="p"} 4
            # HELP fleetrouter_requests_total Requests by outcome.
            # TYPE fleetrouter_requests_total counter
            fleetrouter_requests_total{outcome="busy",pool="p"} 1
            fleetrouter_requests_total{outcome="ok",pool="p"} 5

            """, Text());
    }

    [Fact]
    public void Label_values_of_any_text_come_back_as_given()
    {
        string[] values = ["plain", "say \"hi\"", "C:\\n\\", "two\nlines", "{a=\"b\"},", "ü🙂", ""];
        var counter = _meter.CreateCounter<int>("c");
        foreach (string value in values) counter.Add(1, new KeyValuePair<string, object?>("le", value), new("a b", 7), new("on", true));
        var reader = new PrometheusReader(_writer.Write());
        var found = new List<string>();
        while (reader.Read())
        {
            var labels = reader.Labels;
            while (labels.Read())
                if (labels.Name.SequenceEqual("le_"u8)) found.Add(labels.Value);
                else Assert.True(labels.Name.SequenceEqual("a_b"u8) ? labels.Value == "7" : labels.Value == "True");
        }
        Assert.Equal(values.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
        Assert.Equal(0, reader.SkippedLines);
    }

    [Fact]
    public void Series_beyond_the_bound_are_gathered_and_nothing_is_lost()
    {
        var counter = _meter.CreateCounter<int>("flood");
        for (int i = 0; i < 10_000; i++) counter.Add(1, new KeyValuePair<string, object?>("user", $"u{i}"));
        var (count, sum) = Totals("flood_total");
        Assert.Equal((51, 10_000), (count, sum));
        Assert.Contains("flood_total{overflow=\"true\"} 9950\n", Text());
    }

    [Fact]
    public async Task A_flood_from_many_threads_loses_nothing_either()
    {
        var counter = _meter.CreateCounter<int>("flood");
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(() =>
        {
            for (int i = 0; i < 2_000; i++) counter.Add(1, new KeyValuePair<string, object?>("user", $"u{worker}-{i}"));
        })));
        Assert.Equal((51, 16_000), Totals("flood_total"));
    }

    [Fact]
    public void An_observed_series_that_is_not_told_any_more_is_gone()
    {
        string[] instances = ["a", "b"];
        _meter.CreateObservableGauge("load", () => instances.Select(instance => new Measurement<int>(1, new KeyValuePair<string, object?>("instance", instance))));
        Assert.Equal((2, 2), Totals("load"));
        instances = ["c"];
        Assert.Contains("load{instance=\"c\"} 1\n", Text());
        Assert.Equal((1, 1), Totals("load"));
    }

    [Fact]
    public void Two_kinds_under_one_name_are_told_and_the_first_stays()
    {
        _meter.CreateCounter<int>("x.seconds").Add(1);
        _meter.CreateHistogram<int>("x.seconds.total").Record(1);
        Assert.Contains("x_seconds_total 1\n", Text());
        Assert.Contains("# test/x.seconds.total is not written: x_seconds_total is a Counter\n", Text());
    }

    [Fact]
    public void A_measurement_of_a_known_series_allocates_nothing()
    {
        var counter = _meter.CreateCounter<long>("hot");
        var histogram = _meter.CreateHistogram<double>("hot.time", "s");
        Measure(1000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Measure(10_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal((1, 11_000), Totals("hot_total"));

        void Measure(int times)
        {
            for (int i = 0; i < times; i++)
            {
                counter.Add(1, new("pool", "p"), new("instance", "10.0.0.1:8000"), new("outcome", "ok"));
                histogram.Record(i * 0.001, new KeyValuePair<string, object?>("pool", "p"), new("model", "m"));
            }
        }
    }

    [Fact]
    public async Task Measurements_from_many_threads_all_count_while_pages_are_written()
    {
        var counter = _meter.CreateCounter<int>("parallel");
        var histogram = _meter.CreateHistogram<int>("parallel.size");
        var work = Enumerable.Range(0, 4).Select(worker => Task.Run(() =>
        {
            for (int i = 0; i < 50_000; i++)
            {
                counter.Add(1, new KeyValuePair<string, object?>("slot", (i % 20).ToString()));
                histogram.Record(1);
            }
        })).ToArray();
        while (!Task.WhenAll(work).IsCompleted)
        {
            var (_, inf) = Totals("parallel_size_bucket", "+Inf");
            Assert.True(inf <= 200_000);
        }
        await Task.WhenAll(work);
        Assert.Equal((20, 200_000), Totals("parallel_total"));
        Assert.Equal((1, 200_000), Totals("parallel_size_count"));
        Assert.Equal((1, 200_000), Totals("parallel_size_sum"));
    }

    [Fact]
    public void The_process_tells_its_own_figures()
    {
        ProcessMetrics.AddTo(_meter);
        Assert.InRange(Totals("process_cpu_seconds_total").Sum, 0.01, 1e6);
        Assert.InRange(Totals("process_resident_memory_bytes").Sum, 1e6, 1e12);
        Assert.InRange(Totals("process_start_time_seconds").Sum, 1.6e9, DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        Assert.True(Totals("dotnet_gc_allocated_bytes_total").Sum > 0);
        Assert.Equal(3, Totals("dotnet_gc_collections_total").Count);
        Assert.True(Totals("dotnet_threadpool_threads").Sum >= 1);
    }

    [Fact]
    public async Task Promtool_finds_nothing_to_say()
    {
        ProcessMetrics.AddTo(_meter);
        _meter.CreateCounter<long>("fleetrouter.requests", "{request}", "Requests \\ by\noutcome.").Add(1, new KeyValuePair<string, object?>("model", "a\"b\\c\nd"));
        _meter.CreateHistogram<double>("fleetrouter.request.duration", "s", "Whole time.").Record(0.3, new KeyValuePair<string, object?>("pool", "p"));
        _meter.CreateUpDownCounter<int>("fleetrouter.leases", null, "Leases.").Add(1);
        Process promtool;
        try
        {
            promtool = Process.Start(new ProcessStartInfo("promtool", "check metrics") { RedirectStandardInput = true, RedirectStandardError = true, RedirectStandardOutput = true })!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("promtool is not installed (Debian package prometheus)");
            return;
        }
        using (promtool)
        {
            await promtool.StandardInput.BaseStream.WriteAsync(_writer.Write());
            promtool.StandardInput.Close();
            string said = await promtool.StandardOutput.ReadToEndAsync() + await promtool.StandardError.ReadToEndAsync();
            await promtool.WaitForExitAsync();
            Assert.True(promtool.ExitCode == 0 && said.Length == 0, said);
        }
    }

    private string Text() => Encoding.UTF8.GetString(_writer.Write());

    // Series of a name, and their values added up.
    private (int Count, double Sum) Totals(string name, string? le = null)
    {
        var reader = new PrometheusReader(_writer.Write());
        int count = 0;
        double sum = 0;
        while (reader.Read())
        {
            if (Encoding.UTF8.GetString(reader.Name) != name) continue;
            var labels = reader.Labels;
            bool wanted = le is null;
            while (labels.Read()) wanted |= labels.Name.SequenceEqual("le"u8) && labels.Value == le;
            if (!wanted) continue;
            count++;
            sum += reader.Value;
        }
        Assert.Equal(0, reader.SkippedLines);
        return (count, sum);
    }
}
