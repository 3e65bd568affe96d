using FleetRouter.Simulation.Engine;

namespace FleetRouter.Simulation.Claims;

/// <summary>Engines of published evaluations, by the speeds their authors measured. For their experiments alone: little else is
/// known of the hardware, and only what those experiments rest on is fitted.</summary>
internal static class ClaimHardware
{
    /// <summary>DualMap's seconds a prompt token, Qwen2.5-7B on one Ascend 910B4 (the repository's <c>prefill_tpot</c>).</summary>
    public const double AscendSecondsPerToken = 0.00016;

    private static readonly ModelShape Mistral7B = new(32, 4096, 14336, 32, 8, 128, 32_000, 32_768);

    /// <summary>Qwen2.5-7B on an Ascend 910B4: operations a second such that a prompt of this length takes 0.16 ms a token, attention
    /// included. Its 0.8 TB/s are an assumption; they set decode steps alone. KV: 64 GB of host memory, 57,344 bytes a token.</summary>
    /// <param name="promptTokens">Length the speed is fitted at.</param>
    public static EngineProfile Ascend(double promptTokens)
    {
        ModelShape model = ModelShape.Qwen25Of7B;
        double flops = (model.LinearFlopsPerToken + model.AttentionFlopsPerPair * promptTokens / 2) / AscendSecondsPerToken;
        return new("ascend910b4-qwen2.5-7b", model, new GpuSpec("Ascend-910B4", flops, 0.8e12, 32e9, 1, 1), 1, 2048, 256, (int)(64e9 / 57_344));
    }

    /// <summary>Mistral-7B on an RTX A6000: 0.115 ms a prompt token at 95 % efficiency (WukLab/preble:
    /// multi_node/benchmarks/exp_configs/model_equations.py), the card's 768 GB/s. KV: 80 % of 48 GB less the weights, as its
    /// evaluation configures SGLang; chunks of 512 tokens, as its own engines.</summary>
    public static EngineProfile A6000 { get; } = new("a6000-mistral-7b", Mistral7B,
        new GpuSpec("A6000-48GB", Mistral7B.LinearFlopsPerToken / (0.115e-3 / 0.95), 768e9, 48e9, 1, 1), 1, 512, 256,
        (int)((0.8 * 48e9 - Mistral7B.WeightBytes) / Mistral7B.KvBytesPerToken));
}
