namespace FleetRouter.LoadGen.Chaos;

/// <summary>What became of one request.</summary>
internal sealed record Verdict
{
    public required ChaosRequest Request { get; init; }

    /// <summary>The text that came.</summary>
    public string Text { get; init; } = "";

    public TextDifference Difference { get; init; } = TextDifference.None;

    /// <summary>Status, error event, broken connection or timeout that the client was not spared; null for none.</summary>
    public string? ClientError { get; init; }

    /// <summary>What of the answer's form is wrong.</summary>
    public IReadOnlyList<string> Malformed { get; init; } = [];

    /// <summary>It cannot be resumed, and that was said by name.</summary>
    public bool RefusedByName { get; init; }

    /// <summary>The client left, as it meant to.</summary>
    public bool Cancelled { get; init; }

    /// <summary>The instance that began the answer.</summary>
    public string Instance { get; init; } = "";

    /// <summary>Longest time between two pieces of text.</summary>
    public TimeSpan LargestGap { get; init; }

    /// <summary>From sending to the first text; null without any.</summary>
    public TimeSpan? FirstToken { get; init; }

    /// <summary>Since the run's start.</summary>
    public TimeSpan Sent { get; init; }

    public TimeSpan Ended { get; init; }

    public bool IsRight => Difference == TextDifference.None && ClientError is null && Malformed.Count == 0;

    /// <summary>Everything a person needs to look for the reason.</summary>
    public string Detail(ulong seed)
    {
        var lines = new List<string>
        {
            FormattableString.Invariant($"seed {seed}, request {Request.Number} (x-request-id chaos-{Request.Number}): {Request.Label}, begun by {(Instance.Length > 0 ? Instance : "no instance")}, {Sent.TotalSeconds:0.00} to {Ended.TotalSeconds:0.00} s, largest gap {LargestGap.TotalMilliseconds:0} ms"),
            $"  expected {Request.Expected.Tokens.Length} tokens, {Request.Expected.Text.Length} characters, {Request.Expected.FinishReason}{(Request.Expected.StopReason is { } stop ? $" at '{stop}'" : "")}; got {Text.Length} characters{(Request.CancelAfter is { } after ? $"; client leaves after {after} tokens" : "")}",
        };
        if (ClientError is not null) lines.Add($"  client error: {ClientError}");
        lines.AddRange(Malformed.Select(what => $"  malformed: {what}"));
        if (Difference.At >= 0)
        {
            lines.Add($"  lost {Difference.Lost}, duplicated {Difference.Duplicated}, wrong {Difference.Wrong} tokens; the texts part at character {Difference.At} (token {Difference.At / 4})");
            lines.Add($"  expected ...{Around(Request.Expected.Text, Difference.At)}...");
            lines.Add($"  got      ...{Around(Text, Difference.At)}...");
        }
        return string.Join('\n', lines);
    }

    private static string Around(string text, int at) => text[Math.Clamp(at - 24, 0, text.Length)..Math.Clamp(at + 40, 0, text.Length)];
}
