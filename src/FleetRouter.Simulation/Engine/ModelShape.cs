namespace FleetRouter.Simulation.Engine;

/// <summary>The dimensions of a dense decoder with grouped-query attention and a gated MLP, in bf16. From the published model configurations.</summary>
/// <param name="Layers">Number of layers.</param>
/// <param name="Hidden">Width of the residual stream.</param>
/// <param name="Intermediate">Width of the MLP.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KvHeads">Key and value heads.</param>
/// <param name="HeadDimension">Width of one head.</param>
/// <param name="Vocabulary">Rows of the embedding; input and output embeddings are apart in all models here.</param>
/// <param name="MaxModelLength">Longest context in tokens.</param>
public sealed record ModelShape(
    int Layers, int Hidden, int Intermediate, int Heads, int KvHeads, int HeadDimension, int Vocabulary, int MaxModelLength)
{
    private const int BytesPerValue = 2;

    /// <summary>Llama-3.1-8B.</summary>
    public static ModelShape Llama31Of8B { get; } = new(32, 4096, 14336, 32, 8, 128, 128_256, 131_072);

    /// <summary>Llama-3.1-70B.</summary>
    public static ModelShape Llama31Of70B { get; } = new(80, 8192, 28672, 64, 8, 128, 128_256, 131_072);

    /// <summary>Qwen2.5-7B.</summary>
    public static ModelShape Qwen25Of7B { get; } = new(28, 3584, 18944, 28, 4, 128, 152_064, 32_768);

    /// <summary>Qwen3-32B.</summary>
    public static ModelShape Qwen3Of32B { get; } = new(64, 5120, 25600, 64, 8, 128, 151_936, 40_960);

    /// <summary>Parameters of the layers' matrices: what every token is multiplied with, embeddings left out.</summary>
    public double LinearParameters { get; } =
        (double)Layers * ((2.0 * Hidden * Heads * HeadDimension) + (2.0 * Hidden * KvHeads * HeadDimension) + (3.0 * Hidden * Intermediate));

    /// <summary>Bytes of the layers' matrices, read once a step.</summary>
    public double LinearBytes => LinearParameters * BytesPerValue;

    /// <summary>Bytes of all weights, embeddings included.</summary>
    public double WeightBytes => (LinearParameters + (2.0 * Vocabulary * Hidden)) * BytesPerValue;

    /// <summary>Bytes of keys and values one token leaves in the cache.</summary>
    public double KvBytesPerToken => 2.0 * Layers * KvHeads * HeadDimension * BytesPerValue;

    /// <summary>Operations of the matrices for one token.</summary>
    public double LinearFlopsPerToken => 2 * LinearParameters;

    /// <summary>Operations of attention for one token that attends to one other.</summary>
    public double AttentionFlopsPerPair => 4.0 * Layers * Heads * HeadDimension;
}
