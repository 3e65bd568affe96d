namespace FleetRouter.Orleans.Tests;

/// <summary>Waits for what comes about by messages.</summary>
internal static class Eventually
{
    /// <summary>Asks until the answer is as wanted; fails with the last answer after a minute.</summary>
    public static async Task<T> Is<T>(Func<Task<T>> ask, Predicate<T> wanted)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (true)
        {
            T answer = await ask();
            if (wanted(answer))
                return answer;
            if (late.IsCancellationRequested)
                Assert.Fail($"a minute later it is still {answer}");
            await Task.Delay(5, CancellationToken.None);
        }
    }
}
