using System.IO.Compression;
using System.Text.Json;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Benchmarks.Decide;

/// <summary>Prompts of realistic length that share prefixes as real ones do, without end.</summary>
internal sealed class PromptSource
{
    private const string Trace = "traces/placement/mooncake_conversation_0-40min.jsonl.gz";
    private readonly List<Row> _rows;

    private PromptSource(List<Row> rows, string description) => (_rows, Description) = (rows, description);

    /// <summary>Where the prompts come from, for the report.</summary>
    public string Description { get; }

    /// <summary>Mean prompt length in tokens.</summary>
    public double MeanTokens => _rows.Average(r => (double)r.Tokens);

    public static PromptSource Open()
    {
        string file = CheckoutFolder.Shared(Trace);
        return File.Exists(file)
            ? new PromptSource(Read(file), $"lengths and shared prefixes of ../shared/{Trace}")
            : new PromptSource(Invent(8_000, new Random(1)), $"../shared/{Trace} is absent: 8,000 prompts of log-normal length with that trace's mean and median (seed 1), a third continuing another");
    }

    /// <summary>The <paramref name="index"/>th prompt, and a name of its conversation. Each pass over the prompts is of
    /// other content than the one before.</summary>
    public (PromptChain Prompt, ulong Conversation) Get(int index)
    {
        (ulong pass, Row row) = ((ulong)(index / _rows.Count), _rows[index % _rows.Count]);
        ulong[] hashes = new ulong[row.Tokens / 64];
        for (int i = 0; i < hashes.Length; i++)
            hashes[i] = XxHash64.Mix(XxHash64.Mix(row.Ids[i / 8], pass), (ulong)(i % 8) + 1);
        ulong conversation = XxHash64.Mix(row.Ids[Math.Min(2, row.Ids.Length - 1)], pass);
        return (new PromptChain(hashes, row.Tokens * 4, XxHash64.Mix(conversation, (ulong)row.Tokens)), conversation);
    }

    private static List<Row> Read(string file)
    {
        using var lines = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
        var rows = new List<Row>();
        while (lines.ReadLine() is { } line)
        {
            using JsonDocument row = JsonDocument.Parse(line);
            rows.Add(new Row(
                row.RootElement.GetProperty("input_length").GetInt32(),
                [.. row.RootElement.GetProperty("hash_ids").EnumerateArray().Select(id => id.GetUInt64())]));
        }
        return rows;
    }

    private static List<Row> Invent(int count, Random random)
    {
        const double median = 7_284, spread = 1.034;   // of the logarithm; the mean follows: 12,428
        var rows = new List<Row>(count);
        ulong next = 1;
        for (int i = 0; i < count; i++)
        {
            double normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            int tokens = (int)Math.Clamp(median * Math.Exp(spread * normal), 64, 125_000);
            ulong[] stem = rows.Count > 0 && random.Next(3) == 0 ? rows[random.Next(rows.Count)].Ids : [0];
            ulong[] ids = new ulong[(tokens + 511) / 512];
            for (int k = 0; k < ids.Length; k++)
                ids[k] = k < stem.Length ? stem[k] : next++;
            rows.Add(new Row(tokens, ids));
        }
        return rows;
    }

    /// <param name="Tokens">Length of the prompt.</param>
    /// <param name="Ids">One id a 512 tokens, each standing for all before it too.</param>
    private readonly record struct Row(int Tokens, ulong[] Ids);
}
