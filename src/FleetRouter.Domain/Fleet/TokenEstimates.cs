using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Fleet;

/// <summary>What a pool learns from its engines' own token counts, so that bytes become tokens without a tokenizer.</summary>
internal sealed class TokenEstimates
{
    /// <summary>Weight of one more observation: the last few dozen answers decide.</summary>
    private const double Weight = 0.05;

    /// <summary>Below this many bytes the chat template's own tokens blur the ratio.</summary>
    private const int LeastTellingBytes = 1_024;

    private const double LeastBytesPerToken = 1, MostBytesPerToken = 16;

    /// <summary>Bytes of request text a prompt token takes; 4 is English text under today's vocabularies.</summary>
    public double BytesPerToken { get; set; } = 4;

    /// <summary>Mean output length, tokens; the start is the mean of public chat traces (BurstGPT, Azure 2023).</summary>
    public double MeanOutputTokens { get; private set; } = 250;

    /// <summary>Mean prompt length, tokens; the start is that of the Azure 2023 conversation trace.</summary>
    public double MeanPromptTokens { get; private set; } = 1_200;

    /// <summary>Whether an engine has told of any answer yet.</summary>
    public bool HasLearned { get; private set; }

    /// <summary>Begins with what was learned before.</summary>
    public void Recall(LearnedProfile known)
    {
        BytesPerToken = Math.Clamp(known.BytesPerToken, LeastBytesPerToken, MostBytesPerToken);
        MeanPromptTokens = Math.Max(1, known.MeanPromptTokens);
        MeanOutputTokens = Math.Max(1, known.MeanOutputTokens);
    }

    public int PromptTokens(PlacementRequest request) =>
        request.PromptTokens ?? (int)Math.Min(int.MaxValue, Math.Ceiling(request.Prompt.Bytes / BytesPerToken));

    /// <summary>Tokens of the prompt in its first <paramref name="blocks"/> blocks: its own ratio of tokens to bytes, so
    /// that a prompt sent as token ids is counted exactly. What the client has of the answer is in no block.</summary>
    public static int CachedTokens(int blocks, InFlight work) => blocks == 0
        ? 0
        : (int)((long)(work.PromptTokens - work.Emitted) * blocks * PromptChain.BlockBytes / Math.Max(work.Request.Prompt.Bytes, blocks * (long)PromptChain.BlockBytes));

    public double Tokens(long blocks) => blocks * PromptChain.BlockBytes / BytesPerToken;

    public long Blocks(long tokens) => (long)(tokens * BytesPerToken / PromptChain.BlockBytes);

    public int ProjectedOutput(PlacementRequest request) => request.Api is ApiKind.Embedding or ApiKind.Other
        ? 0
        : (int)Math.Min(request.MaxOutputTokens ?? double.MaxValue, MeanOutputTokens);

    public void Learn(PlacementRequest request, TokenUsage usage)
    {
        HasLearned = true;
        if (usage.PromptTokens > 0)
            MeanPromptTokens += Weight * (usage.PromptTokens - MeanPromptTokens);
        if (usage.CompletionTokens > 0)
            MeanOutputTokens += Weight * (usage.CompletionTokens - MeanOutputTokens);
        if (request.PromptTokens is null && usage.PromptTokens > 0 && request.Prompt.Bytes >= LeastTellingBytes)
        {
            double observed = Math.Clamp((double)request.Prompt.Bytes / usage.PromptTokens, LeastBytesPerToken, MostBytesPerToken);
            BytesPerToken += Weight * (observed - BytesPerToken);
        }
    }
}
