namespace FleetRouter.LoadGen;

/// <summary>What a verb's exit code says.</summary>
internal static class ExitCodes
{
    public const int Ok = 0, SomeFailed = 1, Usage = 2, Interrupted = 130;
}
