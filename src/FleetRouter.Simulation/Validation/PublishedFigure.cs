using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Validation;

/// <summary>What a published figure measures.</summary>
public enum FigureKind
{
    /// <summary>Bytes of KV cache a token takes.</summary>
    KvBytesPerToken,

    /// <summary>Tokens the KV cache of one engine holds.</summary>
    KvCapacityTokens,

    /// <summary>Matrices and norms of one layer for a batch of tokens, ms; attention and communication left out.</summary>
    LayerMilliseconds,

    /// <summary>One decode step of a batch at a context length, ms; communication left out.</summary>
    DecodeStepMilliseconds,

    /// <summary>Prefill of one prompt on an idle engine, thousand tokens a second.</summary>
    PrefillThousandTokensPerSecond,
}

/// <summary>One published figure the engine model is held against.</summary>
/// <param name="Kind">What it measures.</param>
/// <param name="Profile">The engine.</param>
/// <param name="Tokens">Tokens of the batch or prompt, or requests of the decode batch; 0 where it does not apply.</param>
/// <param name="Context">Context of each decoding request, tokens; 0 where it does not apply.</param>
/// <param name="Least">The published figure, or the lower end of the published range.</param>
/// <param name="Most">The same, or the upper end.</param>
/// <param name="Tolerance">Deviation allowed, as a share of the published figure.</param>
/// <param name="Why">Why the tolerance is wider than <see cref="PublishedFigures.Aim"/>; null where it is not.</param>
public sealed record PublishedFigure(
    FigureKind Kind, EngineProfile Profile, int Tokens, int Context, double Least, double Most, double Tolerance, string? Why = null)
{
    /// <summary>What the engine model gives.</summary>
    public double Predicted { get; } = Predict(Kind, Profile, Tokens, Context);

    /// <summary>The prediction's distance from the published figure or range, as a share of it: 0 within a range, positive above.</summary>
    public double Deviation => Predicted < Least ? Predicted / Least - 1 : Predicted > Most ? Predicted / Most - 1 : 0;

    /// <summary>Whether the deviation is within the tolerance.</summary>
    public bool Holds => Math.Abs(Deviation) <= Tolerance;

    /// <summary>Engine and setting in one line.</summary>
    public override string ToString() => Kind switch
    {
        FigureKind.KvBytesPerToken => $"{Profile.Name}, bytes of KV cache a token",
        FigureKind.KvCapacityTokens => $"{Profile.Name}, tokens of KV cache",
        FigureKind.LayerMilliseconds => $"{Profile.Name}, one layer, {Tokens} tokens, ms",
        FigureKind.DecodeStepMilliseconds => $"{Profile.Name}, decode step, {Tokens} × {Context}, ms",
        _ => $"{Profile.Name}, prefill of {Tokens}, thousand tokens/s",
    };

    private static double Predict(FigureKind kind, EngineProfile profile, int tokens, int context)
    {
        switch (kind)
        {
            case FigureKind.KvBytesPerToken:
                return profile.Model.KvBytesPerToken;
            case FigureKind.KvCapacityTokens:
                return profile.KvBlocks * (double)BlockHash.BlockSize;
            case FigureKind.LayerMilliseconds:
                return 1000 * StepTime.Of(profile, new StepLoad(0, 0, tokens, 0, tokens)).Matrices / profile.Model.Layers;
            case FigureKind.DecodeStepMilliseconds:
                StepTime step = StepTime.Of(profile, new StepLoad(0, 0, tokens, (long)tokens * context, tokens));
                return 1000 * (step.Total - step.Communication);
            default:
                return tokens / profile.IdlePrefill(0, tokens).TotalSeconds / 1000;
        }
    }
}
