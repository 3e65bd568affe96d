using System.Text;
using FleetRouter.Domain.Tests;
using FleetRouter.Engines.Prometheus;

namespace FleetRouter.Gateway.Tests.Engines;

public sealed class PrometheusReaderTests
{
    [Fact]
    public void Reads_values_labels_timestamps_and_exemplars()
    {
        var samples = Samples("""
            # HELP a A family.
            # TYPE a counter
            a 1
            b{} 2.5 1395066363000
            c{x="1", y="two" ,} +Inf
            d{quantile="0.5"} NaN
              e{le="0.1"}	-Inf # {trace_id="abc"} 0.05 1520879607.789
            f_bucket{le="+Inf"} 3.9024848896e+010
            """);
        Assert.Equal([
            "a[]=1", "b[]=2.5", "c[x=1|y=two]=Infinity", "d[quantile=0.5]=NaN", "e[le=0.1]=-Infinity", "f_bucket[le=+Inf]=39024848896",
        ], samples);
    }

    [Fact]
    public void Resolves_escapes_and_keeps_braces_within_quotes() =>
        Assert.Equal(["a[path=C:\\x|text=say \"}\"\nbye]=1"], Samples("""a{path="C:\\x",text="say \"}\"\nbye"} 1"""));

    [Fact]
    public void Windows_line_ends_and_a_missing_last_newline_are_fine() =>
        Assert.Equal(["a[]=1", "b[]=2"], Samples("a 1\r\nb 2"));

    [Theory]
    [InlineData("a")]
    [InlineData("a one")]
    [InlineData("a{x=\"1\" 1")]
    [InlineData("a{x=\"1} 1")]
    [InlineData("{x=\"1\"} 1")]
    [InlineData("<html>")]
    public void A_line_that_is_no_sample_is_skipped_and_counted(string line)
    {
        var reader = new PrometheusReader(Encoding.UTF8.GetBytes(line + "\nafter 7\n"));
        Assert.True(reader.Read());
        Assert.Equal("after", Encoding.UTF8.GetString(reader.Name));
        Assert.Equal(1, reader.SkippedLines);
        Assert.False(reader.Read());
    }

    [Fact]
    public void A_label_value_that_is_not_utf8_is_read_with_replacement_characters()
    {
        var reader = new PrometheusReader(RecordedData.Read("metrics/node_exporter_power.prom"));
        var names = new List<string>();
        while (reader.Read())
        {
            var labels = reader.Labels;
            while (labels.Read())
                if (labels.Name.SequenceEqual("model_name"u8)) names.Add(labels.Value);
        }
        Assert.Equal(["LNV-45N1��"], names);
        Assert.Equal(0, reader.SkippedLines);
    }

    [Fact]
    public void Every_sample_of_every_recorded_page_is_read()
    {
        foreach (string file in RecordedData.MetricsPages().Where(page => page.EndsWith(".prom", StringComparison.Ordinal)))
        {
            byte[] page = File.ReadAllBytes(file);
            int lines = Encoding.Latin1.GetString(page).Split('\n').Count(line => line.Length > 0 && line[0] != '#');
            var reader = new PrometheusReader(page);
            int samples = 0;
            while (reader.Read()) samples++;
            Assert.True(lines == samples && reader.SkippedLines == 0, $"{Path.GetFileName(file)}: {lines} lines, {samples} samples, {reader.SkippedLines} skipped");
        }
    }

    [Fact]
    public void Reading_a_page_allocates_nothing()
    {
        byte[] page = RecordedData.Read("metrics/vllm_0.28.0_v1_queued_part.prom");
        Count(page); // compiled before it is measured
        long before = GC.GetAllocatedBytesForCurrentThread();
        int samples = Count(page);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(samples > 200);

        static int Count(byte[] page)
        {
            var reader = new PrometheusReader(page);
            int samples = 0;
            while (reader.Read()) samples++;
            return samples;
        }
    }

    [Fact]
    public void Damaged_pages_never_throw_and_never_loop()
    {
        const ulong Seed = 20261122;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {Seed}");
        var random = new SplitMix64(Seed);
        foreach (string file in RecordedData.MetricsPages())
        {
            byte[] whole = File.ReadAllBytes(file);
            for (int round = 0; round < 300; round++)
            {
                byte[] page = random.Damage(whole);
                var reader = new PrometheusReader(page);
                int samples = 0, labels = 0;
                while (reader.Read())
                {
                    samples++;
                    var label = reader.Labels;
                    while (label.Read())
                    {
                        labels++;
                        _ = label.Value;
                    }
                }
                Assert.True(samples + reader.SkippedLines <= page.Count(b => b == (byte)'\n') + 1);
                Assert.True(labels <= page.Length);
                _ = FleetRouter.Engines.Vllm.VllmMetrics.Read(page);
            }
        }
    }

    private static List<string> Samples(string page)
    {
        var found = new List<string>();
        var reader = new PrometheusReader(Encoding.UTF8.GetBytes(page));
        while (reader.Read())
        {
            var pairs = new List<string>();
            var labels = reader.Labels;
            while (labels.Read()) pairs.Add($"{Encoding.UTF8.GetString(labels.Name)}={labels.Value}");
            found.Add(FormattableString.Invariant($"{Encoding.UTF8.GetString(reader.Name)}[{string.Join('|', pairs)}]={reader.Value}"));
        }
        return found;
    }
}
