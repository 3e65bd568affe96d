using FleetRouter.Simulation.Engine;
using static FleetRouter.Simulation.Validation.FigureKind;

namespace FleetRouter.Simulation.Validation;

/// <summary>The published figures the engine model is held against, all in one place, each with its source and its tolerance.</summary>
public static class PublishedFigures
{
    /// <summary>Deviation no figure should exceed; where one may, it says why.</summary>
    public const double Aim = 0.15;

    private const string Knee = "the measured layer bends slowly from reading to computing; a roofline has a corner there";

    private const string Eighths = "norms and launches do not shrink with the share of the matrices each of eight accelerators has; no profile here is so wide";

    private const string LargeA100Batch = "at 256 requests the published fit, made on H100, reads its matrices in 9.3 ms where Vidur measured 19.5; the model follows the measurement";

    private static readonly EngineProfile
        H100Of8B = EngineProfile.Named("h100-llama-3.1-8b"), A100Of8B = EngineProfile.Named("a100-llama-3.1-8b"),
        H100OfQwen = EngineProfile.Named("h100-qwen2.5-7b"), H100Of32B = EngineProfile.Named("h100x2-qwen3-32b"),
        H100Of70B = EngineProfile.Named("h100x4-llama-3.1-70b"), A100Of70B = EngineProfile.Named("a100x4-llama-3.1-70b"),
        // Models that were measured and that no engine here serves.
        H100OfLlama2 = new("h100-llama-2-7b", new ModelShape(32, 4096, 11008, 32, 32, 128, 32_000, 4096), GpuSpec.H100, 1, 8192, 1024),
        H100OfLlama2Of70B = new("h100x4-llama-2-70b", new ModelShape(80, 8192, 28672, 64, 8, 128, 32_000, 4096), GpuSpec.H100, 4, 8192, 1024);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<PublishedFigure> All { get; } = [.. KvCache(), .. Layers(), .. DecodeSteps(), .. Prefill()];

    /// <summary>Bytes: 2 · layers · KV heads · head dimension · 2, from the models' own configurations. Capacity: (0.9 · 80 GB − weights − 3 GB) over
    /// these, to two digits; Qwen3-32B's was printed by vLLM on two H100.</summary>
    private static IEnumerable<PublishedFigure> KvCache() =>
    [
        Of(KvBytesPerToken, H100Of8B, 0, 0, 131_072, 0),
        Of(KvBytesPerToken, H100Of70B, 0, 0, 327_680, 0),
        Of(KvBytesPerToken, H100OfQwen, 0, 0, 57_344, 0),
        Of(KvBytesPerToken, H100Of32B, 0, 0, 262_144, 0),
        Of(KvCapacityTokens, H100Of8B, 0, 0, 400_000, 0.02),
        Of(KvCapacityTokens, H100OfQwen, 0, 0, 940_000, 0.02),
        Of(KvCapacityTokens, H100Of32B, 0, 0, 301_808, 0.0001),
    ];

    /// <summary>microsoft/vidur, data/profiling/compute/*/mlp.csv: sums of medians.</summary>
    private static IEnumerable<PublishedFigure> Layers()
    {
        int[] tokens = [1, 64, 128, 256, 512, 2048, 4096];
        // The knee is from 64 tokens to so many.
        (EngineProfile Profile, int KneeTo, double AtKnee, double[] Milliseconds)[] measured =
        [
            (A100Of8B, 128, 0.30, [0.303, 0.351, 0.412, 0.609, 1.083, 4.549, 8.549]),
            (H100OfLlama2, 512, 0.43, [0.175, 0.183, 0.199, 0.286, 0.375, 1.260, 2.609]),
            (A100Of70B, 128, 0.33, [0.311, 0.336, 0.419, 0.637, 1.124, 4.196, 8.199]),
            (H100OfLlama2Of70B, 256, 0.28, [0.179, 0.191, 0.199, 0.240, 0.375, 1.382, 2.785]),
        ];
        double[] eighths = [0.105, 0.112, 0.125, 0.144, 0.221, 0.797, 1.520];
        return measured.SelectMany(row => tokens.Zip(row.Milliseconds, (batch, ms) => batch >= 64 && batch <= row.KneeTo
                ? Of(LayerMilliseconds, row.Profile, batch, 0, ms, row.AtKnee, Knee)
                : Of(LayerMilliseconds, row.Profile, batch, 0, ms, Aim)))
            .Concat(tokens.Zip(eighths, (batch, ms) => Of(
                LayerMilliseconds, H100OfLlama2Of70B with { Name = "h100x8-llama-2-70b", TensorParallel = 8 }, batch, 0, ms, 0.40, Eighths)));
    }

    /// <summary>The BLIS trained-physics fit on H100 vLLM traces: inference-sim/inference-sim, defaults.yaml and docs/guide/latency-models.md. Its A100 row is the
    /// same fit with the A100's peaks.</summary>
    private static IEnumerable<PublishedFigure> DecodeSteps()
    {
        (int Batch, int Context)[] settings = [(1, 1000), (16, 1000), (64, 1000), (128, 1000), (256, 1000), (64, 4000)];
        (EngineProfile Profile, double[] Milliseconds)[] published =
        [
            (H100Of8B, [6.9, 8.1, 12.0, 17.2, 27.5, 26.6]),
            (H100OfQwen, [6.4, 6.9, 8.8, 11.2, 16.0, 15.2]),
            (H100Of70B, [16.7, 17.5, 19.9, 23.3, 29.9, 29.1]),
            (A100Of8B, [10.6, 12.6, 18.8, 27.1, 43.7]),
        ];
        return published.SelectMany(row => settings.Zip(row.Milliseconds, (setting, ms) => row.Profile == A100Of8B && setting.Batch == 256
            ? Of(DecodeStepMilliseconds, row.Profile, setting.Batch, setting.Context, ms, 0.25, LargeA100Batch)
            : Of(DecodeStepMilliseconds, row.Profile, setting.Batch, setting.Context, ms, 0.03)));
    }

    /// <summary>inference-sim/inference-sim, hardware_config.json: utilisation of the peak in prefill, worked out for whole models; and the ranges recommended
    /// from these beside Vidur's layers, DualMap's 0.16 ms a token and llm-d's profiles.</summary>
    private static IEnumerable<PublishedFigure> Prefill()
    {
        (EngineProfile Profile, double At2K, double At8K)[] published =
        [
            (H100Of8B, 30.7, 27.6), (H100OfQwen, 33.1, 30.3), (H100Of70B, 12.8, 12.1), (A100Of8B, 8.2, 7.4), (A100Of70B, 3.4, 3.2),
        ];
        return published.SelectMany(row => new[]
            {
                Of(PrefillThousandTokensPerSecond, row.Profile, 2048, 0, row.At2K, 0.04), Of(PrefillThousandTokensPerSecond, row.Profile, 8192, 0, row.At8K, 0.04),
            })
            .Append(new PublishedFigure(PrefillThousandTokensPerSecond, H100Of8B, 4096, 0, 28, 35, 0.04))
            .Append(new PublishedFigure(PrefillThousandTokensPerSecond, A100Of8B, 4096, 0, 8, 12, 0.04));
    }

    private static PublishedFigure Of(FigureKind kind, EngineProfile profile, int tokens, int context, double published, double tolerance, string? why = null) =>
        new(kind, profile, tokens, context, published, published, tolerance, why);
}
