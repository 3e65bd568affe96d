namespace FleetRouter.Domain.Admission;

/// <summary>Why a request is not served. Busy and broken are different answers: a busy fleet may be asked again, a
/// broken one needs an operator.</summary>
/// <param name="Kind">Busy, broken or unknown model.</param>
/// <param name="Reason">Machine-readable reason, such as <c>hold-queue-full</c>.</param>
/// <param name="Message">One line for people: what, and what to do.</param>
/// <param name="RetryAfter">When it is worth asking again; null where nobody can tell.</param>
public sealed record Refusal(RefusalKind Kind, string Reason, string Message, TimeSpan? RetryAfter);

/// <summary>The kinds of refusal.</summary>
public enum RefusalKind
{
    /// <summary>Every instance is saturated (429).</summary>
    Busy,

    /// <summary>No instance can be reached (503).</summary>
    Broken,

    /// <summary>No instance of the pool serves the model (404).</summary>
    UnknownModel,
}
