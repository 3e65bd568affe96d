namespace FleetRouter.Benchmarks.Overhead;

/// <summary>What the engines answer.</summary>
internal enum Answer
{
    /// <summary>One chat completion of 1 KiB.</summary>
    Json,

    /// <summary>A stream of 50 events as fast as it goes.</summary>
    Sse,

    /// <summary>The same stream with 10 ms between events, about what a model's decoding takes.</summary>
    Paced,
}

/// <summary>One situation in which every target is measured.</summary>
internal sealed record Cell(Answer Answer, int Connections, int PromptBytes)
{
    public static readonly Cell Paced = new(Answer.Paced, 64, 200);

    /// <summary>As many paced streams as keep a proxy's core busy: what it forwards a second is then bounded by what a stream costs it.</summary>
    public static readonly Cell Crowd = new(Answer.Paced, 768, 200);

    public string Name { get; } = $"{Answer.ToString().ToLowerInvariant()}-{Connections}c-{(PromptBytes < 1024 ? $"{PromptBytes}B" : $"{PromptBytes / 1024}K")}";

    public bool Streams => Answer != Answer.Json;

    /// <summary>Every cell of the full run.</summary>
    public static IReadOnlyList<Cell> Full { get; } =
    [
        .. from answer in (Answer[])[Answer.Json, Answer.Sse]
           from bytes in (int[])[200, 16 * 1024, 256 * 1024]
           from connections in (int[])[1, 16, 64]
           select new Cell(answer, connections, bytes),
        Paced,
        Crowd,
    ];

    /// <summary>The cells the reach is judged by, and those at the corners.</summary>
    public static IReadOnlyList<Cell> Quick { get; } =
    [
        .. from answer in (Answer[])[Answer.Json, Answer.Sse]
           from size in ((int, int)[])[(1, 200), (16, 200), (64, 200), (16, 16 * 1024), (16, 256 * 1024)]
           select new Cell(answer, size.Item1, size.Item2),
        Paced,
        Crowd,
    ];
}
