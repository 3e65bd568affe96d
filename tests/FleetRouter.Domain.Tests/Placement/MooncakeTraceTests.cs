using System.IO.Compression;
using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Placement;

/// <summary>A real workload: 40 minutes of Mooncake's conversation trace, by its own block ids.</summary>
public sealed class MooncakeTraceTests
{
    private const int Instances = 8;
    private static readonly TimeSpan FirstToken = TimeSpan.FromSeconds(1), Service = TimeSpan.FromSeconds(10);

    [Fact]
    public void Dual_hash_finds_more_of_the_prompts_in_cache_than_the_plain_policies()
    {
        List<Arrival> trace = Read(SharedFiles.Find("traces/placement/mooncake_conversation_0-40min.jsonl.gz"));
        Outcome roundRobin = Drive(trace, "round-robin"), leastLoad = Drive(trace, "least-load"), dualHash = Drive(trace, "dual-hash");
        foreach (Outcome outcome in new[] { roundRobin, leastLoad, dualHash })
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{outcome.Policy,-12} {trace.Count} requests over {Instances} instances: cached-token share {outcome.CachedShare:P1}, "
                + $"prompt tokens computed, most to mean instance {outcome.WorkPeakToMean:F2}; rules {outcome.Rules}");
        Assert.True(dualHash.CachedShare > 2 * roundRobin.CachedShare, $"{dualHash.CachedShare:P1} against {roundRobin.CachedShare:P1}");
        Assert.True(dualHash.CachedShare > 2 * leastLoad.CachedShare, $"{dualHash.CachedShare:P1} against {leastLoad.CachedShare:P1}");
        // Every request of this trace begins with the same 512 tokens; placed by those alone all work goes to two of eight.
        Assert.True(dualHash.WorkPeakToMean < 1.5, $"the busiest instance computed {dualHash.WorkPeakToMean:F2} times the mean");
    }

    private static Outcome Drive(List<Arrival> trace, string policy)
    {
        var pool = PoolDriver.WithReady(new PoolOptions { Name = "mooncake", Policy = policy }, [.. Enumerable.Range(0, Instances).Select(i => $"e{i}")]);
        var firstTokens = new Queue<(TimeSpan At, string Id)>();
        var ends = new Queue<(TimeSpan At, string Id)>();
        long cached = 0, prompt = 0;
        var work = new Dictionary<string, long>();
        var rules = new SortedDictionary<PlacementRule, int>();
        foreach (Arrival arrival in trace)
        {
            Serve(arrival.At);
            Dispatch dispatch = pool.Place(pool.Request(arrival.Prompt));
            CandidateScore score = dispatch.Decision.Candidates.Single(c => c.Instance == dispatch.Instance);
            (cached, prompt) = (cached + score.CachedTokens, prompt + dispatch.Decision.PromptTokens);
            work[dispatch.Instance] = work.GetValueOrDefault(dispatch.Instance) + score.UncachedTokens;
            rules[dispatch.Decision.Rule] = rules.GetValueOrDefault(dispatch.Decision.Rule) + 1;
            firstTokens.Enqueue((pool.Now + FirstToken, dispatch.RequestId));
            ends.Enqueue((pool.Now + Service, dispatch.RequestId));
        }
        Serve(TimeSpan.MaxValue);
        Assert.All(pool.Pool.Describe().Instances, i => Assert.Equal(0, i.Leases));
        return new Outcome(policy, (double)cached / prompt, work.Values.Max() / ((double)work.Values.Sum() / Instances),
            string.Join(", ", rules.Select(r => $"{r.Key} {r.Value}")));

        void Serve(TimeSpan until)
        {
            while (true)
            {
                bool isEnd = !firstTokens.TryPeek(out var first) || ends.Peek().At < first.At;
                if (!(isEnd ? ends : firstTokens).TryPeek(out var next) || next.At > until)
                    break;
                pool.Advance(next.At - pool.Now);
                if (isEnd)
                    pool.End(ends.Dequeue().Id);
                else
                    pool.Progress(firstTokens.Dequeue().Id);
            }
            if (until != TimeSpan.MaxValue)
                pool.Advance(until - pool.Now);
        }
    }

    /// <summary>An id stands for 512 tokens and all before them, so it expands to eight router blocks that nothing else shares.</summary>
    private static List<Arrival> Read(string file)
    {
        using var lines = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
        var trace = new List<Arrival>();
        while (lines.ReadLine() is { } line)
        {
            using JsonDocument row = JsonDocument.Parse(line);
            int tokens = row.RootElement.GetProperty("input_length").GetInt32();
            ulong[] ids = [.. row.RootElement.GetProperty("hash_ids").EnumerateArray().Select(id => id.GetUInt64())];
            ulong[] hashes = [.. ids.SelectMany(id => Enumerable.Range(0, 8).Select(i => XxHash64.Mix(id, (ulong)i + 1))).Take(tokens / 64)];
            var prompt = new PromptChain(hashes, tokens * 4, XxHash64.Mix(ids[^1], (ulong)tokens));
            trace.Add(new Arrival(TimeSpan.FromMilliseconds(row.RootElement.GetProperty("timestamp").GetInt64()), prompt));
        }
        return trace;
    }

    private sealed record Arrival(TimeSpan At, PromptChain Prompt);

    private sealed record Outcome(string Policy, double CachedShare, double WorkPeakToMean, string Rules);
}
