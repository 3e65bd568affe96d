namespace FleetRouter.Simulation.Engine;

/// <summary>What one step computes, summed over its requests.</summary>
/// <param name="PrefillTokens">Prompt tokens.</param>
/// <param name="PrefillPairs">Sum, over those tokens, of the tokens each attends to.</param>
/// <param name="DecodeTokens">Requests that get one more token.</param>
/// <param name="DecodeContext">Sum of those requests' context lengths in tokens.</param>
/// <param name="Sequences">Requests in the step.</param>
public readonly record struct StepLoad(int PrefillTokens, double PrefillPairs, int DecodeTokens, long DecodeContext, int Sequences);

/// <summary>
/// The time of one engine step by its terms, in seconds: a roofline for the matrices, whose terms are fitted to published
/// measurements, and attention beside it.
/// </summary>
/// <remarks>
/// Decode follows the BLIS trained-physics fit (inference-sim defaults.yaml): 1.363 × reading the weights, 1.947 × reading
/// the KV cache, both at peak bandwidth, 0.752 × moving activations between accelerators, 32.1 µs a layer, 4.42 µs a request
/// and 126 µs a step. That fit's prefill coefficient lies above the accelerator's peak and is not used: prefill
/// runs at the utilisation of inference-sim's hardware_config.json, attention's quadratic term included. Large decode
/// batches are bounded by the matrix products at the utilisation Vidur measured.
/// </remarks>
/// <param name="Matrices">The layers' matrices: the longer of computing with them and reading them.</param>
/// <param name="Attention">Attention of prompt tokens.</param>
/// <param name="KvRead">Reading the cache of the decoding requests.</param>
/// <param name="Communication">All-reduce of the decoding requests; prefill utilisation has its own included.</param>
/// <param name="Overhead">Launches, scheduling, sampling.</param>
public readonly record struct StepTime(double Matrices, double Attention, double KvRead, double Communication, double Overhead)
{
    /// <summary>NVLink's 450 GB/s in one direction.</summary>
    private const double LinkBandwidth = 450e9;

    /// <summary>All terms together, in seconds.</summary>
    public double Total => Matrices + Attention + KvRead + Communication + Overhead;

    /// <summary>The time <paramref name="load"/> takes on an engine of this profile.</summary>
    public static StepTime Of(EngineProfile profile, in StepLoad load)
    {
        var (model, gpu, ways) = (profile.Model, profile.Gpu, profile.TensorParallel);
        double prefillFlops = gpu.PeakFlops * ways * gpu.PrefillUtilisation;
        double compute = (load.PrefillTokens * model.LinearFlopsPerToken / prefillFlops)
            + (load.DecodeTokens * model.LinearFlopsPerToken / (gpu.PeakFlops * ways * gpu.GemmUtilisation));
        double weights = 1.363 * model.LinearBytes / (gpu.MemoryBandwidth * ways);
        double kvRead = 1.947 * load.DecodeContext * model.KvBytesPerToken / (gpu.MemoryBandwidth * ways);
        // Two all-reduces a layer; a ring moves 2(n-1)/n of the bytes.
        double moved = 2.0 * model.Layers * load.DecodeTokens * model.Hidden * 2 * (2.0 * (ways - 1) / ways);
        return new StepTime(
            Math.Max(compute, weights),
            load.PrefillPairs * model.AttentionFlopsPerPair / prefillFlops,
            kvRead,
            0.752 * moved / LinkBandwidth,
            (32.1e-6 * model.Layers) + (4.42e-6 * load.Sequences) + 126e-6);
    }
}
