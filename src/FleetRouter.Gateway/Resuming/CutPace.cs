namespace FleetRouter.Gateway.Resuming;

/// <summary>Spreads the pause of a cut over many tokens: before it the answer is shown a little slower than it comes, so that some tokens are in
/// hand which are shown while the target comes to its first.</summary>
internal sealed class CutPace
{
    /// <summary>Time between two tokens shown, in times of that at which they come: a reader hardly sees it.</summary>
    private const double Slower = 1.3;

    /// <summary>Longest pause that is spread; and tokens looked ahead for it.</summary>
    private static readonly TimeSpan LongestSpread = TimeSpan.FromMilliseconds(400);

    /// <summary>The target has others on their way to it too.</summary>
    private const double Margin = 2;

    private const int MostLead = 24, MostSteps = 96;

    private readonly TimeProvider _time;
    private readonly TimeSpan _spacing;
    private readonly int _lead;
    private long _shownAt;
    private int _steps;

    private CutPace(TimeProvider time, TimeSpan interToken, TimeSpan pause)
    {
        (_time, InterToken, _spacing) = (time, interToken, Slower * interToken);
        TimeSpan spread = Margin * pause < LongestSpread ? Margin * pause : LongestSpread;
        _lead = Math.Min(MostLead, (int)Math.Ceiling(spread / _spacing));
        _shownAt = _time.GetTimestamp();
    }

    /// <summary>The pace of an answer that is to be cut; null while it has none to hide the cut in, since it has only begun.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="interToken">Mean time between its tokens; zero where too few came.</param>
    /// <param name="pause">How long the target took to warm; its first token takes about as long at most.</param>
    public static CutPace? Of(TimeProvider time, TimeSpan interToken, TimeSpan pause) => interToken > TimeSpan.Zero ? new CutPace(time, interToken, pause) : null;

    /// <summary>Mean time between the answer's tokens before it is slowed.</summary>
    public TimeSpan InterToken { get; }

    /// <summary>Whether so many events in hand last for the pause.</summary>
    public bool HasLead(int inHand) => inHand >= _lead || ++_steps > MostSteps;

    /// <summary>Waits until the next token is due, or something else happens.</summary>
    public async Task UntilNextAsync(Task? happens, CancellationToken cancellation)
    {
        TimeSpan rest = _spacing - _time.GetElapsedTime(_shownAt);
        if (rest > TimeSpan.Zero)
        {
            Task due = Task.Delay(rest, _time, cancellation);
            await (happens is null ? due : Task.WhenAny(happens, due));
        }
        cancellation.ThrowIfCancellationRequested();
        _shownAt = _time.GetTimestamp();
    }
}
