using System.Globalization;
using System.Text;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Gateway.Resuming;

namespace FleetRouter.Gateway.Budgets;

/// <summary>A body that is to be paid from a budget: bounded, and answered with the engine's own count.</summary>
internal static class BudgetedBody
{
    /// <summary>Sees to it that the answer has a bound and the engine tells its counts, and says what the request can cost.</summary>
    /// <param name="body">The body; changed only where it gives no bound, or asks for a stream without counts. What <paramref name="facts"/> says of places in it stays true.</param>
    /// <param name="facts">What is known of it; brought in step with it.</param>
    /// <param name="api">The call.</param>
    /// <param name="maxAnswer">The bound where there is none.</param>
    /// <param name="templateTokens">Tokens that the chat template may add.</param>
    /// <param name="error">Why the request cannot be paid from a budget.</param>
    /// <returns>The most tokens it can cost; null with an error.</returns>
    public static long? Bound(RequestBody body, ref RequestFacts facts, ApiKind api, int maxAnswer, int templateTokens, out ErrorAnswer? error)
    {
        if (BudgetFields.Read(body.Span, api, out error) is not { } fields)
            return null;
        AnswerTerms terms = facts.Terms;
        if (facts.Stream && api is ApiKind.Chat or ApiKind.Completion && !terms.WantsUsage && !AnswerSoFar.IsEmpty(fields.StreamOptions))
        {
            // As if the client had not said anything: the counts are asked for, and not shown to it.
            Withdraw(body, fields.StreamOptions);
            (terms.StreamOptions, terms.WantsUsageAlways) = (default, false);
            facts = facts with { AsksForUsage = false, Terms = terms };
        }
        int bound = fields.MaxAnswer ?? (api == ApiKind.Completion && !fields.IsUnboundedByWord ? Continuation.CompletionMaxTokens : maxAnswer);
        if (fields.MaxAnswer is null && fields.Answers > 0)
        {
            foreach (Range member in fields.Unbounding(api))
                Withdraw(body, member);
            body.Insert(body.Span.LastIndexOf((byte)'}'), Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $",\"{BudgetFields.BoundName(api)}\":{bound}")));
            terms.MaxTokens = bound;
            facts = facts with { MaxOutputTokens = bound, Terms = terms };
        }
        long prompt = fields.PromptTokens + (api is ApiKind.Chat or ApiKind.Response ? templateTokens : 0);
        return prompt + (long)Math.Min((double)fields.Answers * bound, long.MaxValue / 4);
    }

    /// <summary>Blanks a member of the body with the comma that parts it from another, so that nothing else moves.</summary>
    private static void Withdraw(RequestBody body, Range member)
    {
        ReadOnlySpan<byte> text = body.Span;
        (int start, int end) = (member.Start.Value, member.End.Value);
        int after = text.Length - text[end..].TrimStart(" \t\r\n"u8).Length;
        if (text[after] == ',')
            end = after + 1;
        else if (text[..start].TrimEnd(" \t\r\n"u8) is [.., (byte)','] before)
            start = before.Length - 1;
        body.Overwrite(start..end, default);
    }
}
