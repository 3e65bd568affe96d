using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Engine;

/// <summary>A model on some accelerators: everything that gives an engine its capacity and its speed.</summary>
/// <param name="Name">What options call it.</param>
/// <param name="Model">The model's dimensions.</param>
/// <param name="Gpu">The accelerator.</param>
/// <param name="TensorParallel">Accelerators the model is split over.</param>
/// <param name="MaxBatchedTokens">Tokens one step may compute (max_num_batched_tokens).</param>
/// <param name="MaxSequences">Requests one step may hold (max_num_seqs).</param>
/// <param name="MeasuredKvTokens">Capacity of the KV cache in tokens where a real engine reported it; null to estimate it.</param>
public sealed record EngineProfile(
    string Name, ModelShape Model, GpuSpec Gpu, int TensorParallel, int MaxBatchedTokens, int MaxSequences, int? MeasuredKvTokens = null)
{
    /// <summary>
    /// What a request spends in the API process (HTTP, tokenizing, the hop to the engine core) before it can be
    /// scheduled: 15,563 µs, BLIS trained-physics fit on H100 vLLM traces (inference-sim defaults.yaml).
    /// </summary>
    public TimeSpan ApiDelay { get; init; } = TimeSpan.FromMicroseconds(15_563);

    /// <summary>
    /// Blocks of KV cache: (0.9 × memory − weights − 3 GB an accelerator) over the bytes of a block, vLLM's
    /// gpu_memory_utilization of 0.9 and an allowance for activations and graphs.
    /// </summary>
    public int KvBlocks => (int)((MeasuredKvTokens
        ?? (((0.9 * Gpu.MemoryBytes) - 3e9) * TensorParallel - Model.WeightBytes) / Model.KvBytesPerToken) / BlockHash.BlockSize);

    /// <summary>Time an idle engine takes for the rest of a prompt, in steps of at most its token budget.</summary>
    public TimeSpan IdlePrefill(int cachedTokens, int promptTokens)
    {
        double seconds = 0;
        for (int done = cachedTokens; done < promptTokens;)
        {
            int chunk = Math.Min(MaxBatchedTokens, promptTokens - done);
            seconds += StepTime.Of(this, new StepLoad(chunk, (double)chunk * done + 0.5 * chunk * chunk, 0, 0, 1)).Total;
            done += chunk;
        }
        return TimeSpan.FromSeconds(seconds);
    }

    /// <summary>
    /// The profiles by name. Token budget and sequence limits are vLLM's API-server defaults: 8,192 and 1,024 on 70 GiB
    /// and more except A100, 2,048 and 256 otherwise (vllm/engine/arg_utils.py). Qwen3-32B's capacity was measured on TP2 H100.
    /// </summary>
    public static IReadOnlyList<EngineProfile> All { get; } =
    [
        //   name                       model                      accelerator    TP  batch  seqs  KV tokens
        new("h100-llama-3.1-8b",        ModelShape.Llama31Of8B,    GpuSpec.H100,  1,  8192,  1024),
        new("a100-llama-3.1-8b",        ModelShape.Llama31Of8B,    GpuSpec.A100,  1,  2048,  256),
        new("l40s-llama-3.1-8b",        ModelShape.Llama31Of8B,    GpuSpec.L40S,  1,  2048,  256),
        new("h100-qwen2.5-7b",          ModelShape.Qwen25Of7B,     GpuSpec.H100,  1,  8192,  1024),
        new("h100x2-qwen3-32b",         ModelShape.Qwen3Of32B,     GpuSpec.H100,  2,  8192,  1024, 301_808),
        new("h100x4-llama-3.1-70b",     ModelShape.Llama31Of70B,   GpuSpec.H100,  4,  8192,  1024),
        new("a100x4-llama-3.1-70b",     ModelShape.Llama31Of70B,   GpuSpec.A100,  4,  2048,  256),
    ];

    /// <summary>The profile of that name.</summary>
    /// <exception cref="ArgumentException">There is none; the message lists those there are.</exception>
    public static EngineProfile Named(string name) => All.FirstOrDefault(profile => profile.Name == name)
        ?? throw new ArgumentException($"no engine profile is named '{name}'; there are {string.Join(", ", All.Select(p => p.Name))}");
}
