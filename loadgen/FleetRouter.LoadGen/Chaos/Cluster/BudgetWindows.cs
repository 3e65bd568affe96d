namespace FleetRouter.LoadGen.Chaos.Cluster;

/// <summary>An answer that a budget paid for.</summary>
/// <param name="Sent">When it was asked for, and so the earliest it can have been admitted; UTC.</param>
/// <param name="Begun">When it began, and so the latest.</param>
/// <param name="Tokens">Tokens of prompt and answer that the client got.</param>
internal readonly record struct PaidAnswer(DateTimeOffset Sent, DateTimeOffset Begun, long Tokens);

/// <summary>What was spent of a budget, window by window. Windows begin at whole multiples of their length since 1970 in UTC.</summary>
internal static class BudgetWindows
{
    /// <summary>The least number of tokens by which the budget was exceeded, whichever window those answers counted in that were asked for before a turn
    /// and began behind it: what fell into some windows for certain is never more than the budgets of all of them, or too much was spent.</summary>
    public static long Overspent(IReadOnlyCollection<PaidAnswer> answers, long budget, TimeSpan per)
    {
        var most = 0L;
        foreach (var from in answers.Select(answer => Window(answer.Sent, per)).Distinct())
        {
            var spent = 0L;
            foreach (var ends in answers.Where(answer => Window(answer.Sent, per) >= from).GroupBy(answer => Window(answer.Begun, per)).OrderBy(group => group.Key))
            {
                spent += ends.Sum(answer => answer.Tokens);
                most = Math.Max(most, spent - (ends.Key - from + 1) * budget);
            }
        }
        return most;
    }

    /// <summary>Tokens spent for certain in the window that had most; 0 without answers.</summary>
    public static long Fullest(IReadOnlyCollection<PaidAnswer> answers, TimeSpan per) => answers
        .Where(answer => Window(answer.Sent, per) == Window(answer.Begun, per)).GroupBy(answer => Window(answer.Sent, per))
        .Select(window => window.Sum(answer => answer.Tokens)).DefaultIfEmpty().Max();

    /// <summary>Windows in which something was asked for.</summary>
    public static int Count(IReadOnlyCollection<PaidAnswer> answers, TimeSpan per) => answers.Select(answer => Window(answer.Sent, per)).Distinct().Count();

    private static long Window(DateTimeOffset at, TimeSpan per) => (at - DateTimeOffset.UnixEpoch).Ticks / per.Ticks;
}
