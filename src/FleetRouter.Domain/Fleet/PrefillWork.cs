namespace FleetRouter.Domain.Fleet;

/// <summary>What computing part of a prompt costs, in tokens at the start of a prompt: the matrices cost the same for every
/// token, attention grows with all that went before it.</summary>
/// <remarks>n tokens that end a prompt of L cost n + a·n(L − n/2) (SMetric, arXiv 2607.08565). The share a of attention
/// is 4·layers·heads·head size / (2·parameters): 3.8e-5 for Llama-3.1-8B, 3.1e-5 for Qwen2.5-7B, 1.9e-5 for Llama-3.1-70B;
/// what a constant in their midst gets wrong, the learned speed takes up.</remarks>
internal static class PrefillWork
{
    private const double AttentionShare = 3e-5;

    public static double Of(int uncachedTokens, int promptTokens) =>
        uncachedTokens * (1 + AttentionShare * (promptTokens - uncachedTokens / 2.0));
}
