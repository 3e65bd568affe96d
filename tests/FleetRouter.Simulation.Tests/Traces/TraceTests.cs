using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Tests.Traces;

public class TraceTests
{
    [Fact]
    public void An_unknown_format_is_refused_with_the_names_of_the_known_ones()
    {
        using var file = new TraceFile("x.txt", "hello");
        Assert.Equal("x.txt:1: is no known trace format; name it with --format mooncake|burstgpt|azure|claude-code|lmcache-agent",
            Assert.Throws<TraceReadException>(() => file.Read()).Message);
    }

    [Fact]
    public void An_empty_trace_is_refused()
    {
        using var file = new TraceFile("x.jsonl");
        Assert.Equal("x.jsonl: the trace is empty", Assert.Throws<TraceReadException>(() => file.Read()).Message);
    }

    [Fact]
    public void A_missing_file_is_named() => Assert.EndsWith("none.jsonl: no such trace file",
        Assert.Throws<TraceReadException>(() => Trace.Open("/none.jsonl", null, new TraceReading())).Message);

    [Fact]
    public void A_cut_gzip_file_is_an_error_and_not_a_shorter_trace()
    {
        var lines = Enumerable.Range(0, 5000).Select(i => $"{{\"timestamp\":{i * 3000},\"input_length\":{i % 512},\"output_length\":{i * 7919 % 1000},\"hash_ids\":[{i * 7919 % 100_003}]}}");
        using var file = new TraceFile("m.jsonl.gz", lines);
        var bytes = File.ReadAllBytes(file.Path);
        File.WriteAllBytes(file.Path, bytes[..(bytes.Length / 2)]);
        Assert.Matches("^m\\.jsonl\\.gz:[0-9]+: ", Assert.Throws<TraceReadException>(() => file.Read()).Message);
    }
}
