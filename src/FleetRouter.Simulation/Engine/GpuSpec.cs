namespace FleetRouter.Simulation.Engine;

/// <summary>One accelerator, as the roofline sees it.</summary>
/// <param name="Name">Its usual name.</param>
/// <param name="PeakFlops">Dense bf16 operations a second.</param>
/// <param name="MemoryBandwidth">Bytes a second.</param>
/// <param name="MemoryBytes">Bytes of device memory.</param>
/// <param name="PrefillUtilisation">Share of the peak that whole prefill steps reach, communication included (0-1).</param>
/// <param name="GemmUtilisation">Share of the peak that the matrix products alone reach (0-1).</param>
public sealed record GpuSpec(
    string Name, double PeakFlops, double MemoryBandwidth, double MemoryBytes, double PrefillUtilisation, double GemmUtilisation)
{
    /// <summary>H100 SXM: peaks and 0.45 from inference-sim's hardware_config.json; 0.66 from Vidur's measured layers (Llama-2-7B, 2,048 tokens).</summary>
    public static GpuSpec H100 { get; } = new("H100-80GB", 989.5e12, 3.35e12, 80e9, 0.45, 0.66);

    /// <summary>A100 SXM: peaks and 0.38 from inference-sim's hardware_config.json; 0.63 from Vidur's measured layers (Llama-3-8B, 2,048 tokens).</summary>
    public static GpuSpec A100 { get; } = new("A100-80GB", 312e12, 2.039e12, 80e9, 0.38, 0.63);

    /// <summary>L40S: peaks and 0.32 from inference-sim's hardware_config.json; no measured layers are known, so the matrix products get the same 0.32.</summary>
    public static GpuSpec L40S { get; } = new("L40S-48GB", 362e12, 0.864e12, 48e9, 0.32, 0.32);
}
