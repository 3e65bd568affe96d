using System.Reflection;
using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Placement;

public sealed class DecisionDigestTests
{
    private static readonly Refusal Busy = new(RefusalKind.Broken, "no-instance", "none in reach", TimeSpan.FromSeconds(1));
    private static readonly CandidateScore Score = NonZero(default(CandidateScore));
    private static readonly Decision Decided = new()
    {
        RequestId = "r", ClientId = "c", At = TimeSpan.FromSeconds(1), Pool = "p", Model = "m", Workload = WorkloadKind.Agent, Policy = "dual-hash",
        Rule = PlacementRule.Warm, Instance = "i", PromptTokens = 7, Key = new PrefixKey(1, 2, 0.5), Candidates = [Score], Attempt = 2,
        HeldFor = TimeSpan.FromTicks(3), Refusal = Busy,
    };

    /// <summary>A field added to a decision and forgotten in the digest is found here.</summary>
    [Fact]
    public void Every_field_of_a_decision_counts()
    {
        Assert.All(Changed(Decided), c => Counts(new Dispatch("r", "i", Decided), new Dispatch("r", "i", (Decision)c.Value), c.Name));
        Assert.All(Changed(Score), c => Counts(Dispatched(Decided with { Candidates = [Score] }), Dispatched(Decided with { Candidates = [(CandidateScore)c.Value] }), c.Name));
        Assert.All(Changed(Score.Cost!.Value), c => Counts(
            Dispatched(Decided), Dispatched(Decided with { Candidates = [Score with { Cost = (CostTerms)c.Value }] }), c.Name));
        Assert.All(Changed(Decided.Key), c => Counts(Dispatched(Decided), Dispatched(Decided with { Key = (PrefixKey)c.Value }), c.Name));
        Assert.All(Changed(Busy), c => Counts(new Refuse("r", Busy, Decided), new Refuse("r", (Refusal)c.Value, Decided), c.Name));
        Assert.All(Changed(Busy), c => Counts(Dispatched(Decided), Dispatched(Decided with { Refusal = (Refusal)c.Value }), c.Name));
        Counts(Dispatched(Decided), new Dispatch("other", "i", Decided), "the dispatched request");
        Counts(Dispatched(Decided), new Dispatch("r", "other", Decided), "the instance");
        Counts(new Held("r"), new Held("other"), "the held request");
        Counts(new Move("r", "i", "j", Decided), new Move("r", "other", "j", Decided), "where a moved request was");
        Counts(new Move("r", "i", "j", Decided), new Move("r", "i", "other", Decided), "where it goes");
        Counts(new Hedge("r", "i", "j", Decided), new Move("r", "i", "j", Decided), "what is done");
        Counts(new Hedge("r", "i", "j", Decided), new Hedge("r", "i", "other", Decided), "who is asked too");
        Assert.All(Changed(Decided), c => Counts(new Move("r", "i", "j", Decided), new Move("r", "i", "j", (Decision)c.Value), c.Name));
    }

    [Fact]
    public void Order_counts_and_what_is_no_decision_does_not()
    {
        Assert.NotEqual(Of(new Held("a"), new Held("b")), Of(new Held("b"), new Held("a")));
        Assert.Equal(Of(new Held("a")), Of(new ProbeNow("i"), new Held("a"), new WakeAt(TimeSpan.Zero), new InstanceChanged("i", InstanceState.Gone, InstanceState.Joined, "")));
        Assert.NotEqual(Of(new Held("a")), Of(new Held("a"), new Held("a")));
        Assert.Equal(0UL, Of());
    }

    private static Dispatch Dispatched(Decision decision) => new("r", "i", decision);

    private static void Counts(PoolEffect one, PoolEffect other, string what) =>
        Assert.True(DecisionDigest.Of(one) != DecisionDigest.Of(other), $"{what} does not count in the digest");

    private static ulong Of(params List<PoolEffect> effects)
    {
        var digest = new DecisionDigest();
        digest.Add(effects);
        return digest.Value;
    }

    /// <summary>Copies of a record, each with one property changed.</summary>
    private static IEnumerable<(string Name, object Value)> Changed(object of)
    {
        foreach (PropertyInfo property in of.GetType().GetProperties().Where(p => p.CanWrite))
        {
            object copy = typeof(object).GetMethod("MemberwiseClone", BindingFlags.Instance | BindingFlags.NonPublic)!.Invoke(of, null)!;
            property.SetValue(copy, Other(property.PropertyType, property.GetValue(of)));
            yield return ($"{of.GetType().Name}.{property.Name}", copy);
        }
    }

    private static CandidateScore NonZero(object score)
    {
        foreach (PropertyInfo property in score.GetType().GetProperties().Where(p => p.CanWrite))
            property.SetValue(score, Other(property.PropertyType, property.GetValue(score)));
        return (CandidateScore)score;
    }

    private static object? Other(Type type, object? value) => Nullable.GetUnderlyingType(type) is { } inner
        ? value is null ? Other(inner, Activator.CreateInstance(inner)) : null
        : value switch
        {
            int number => number + 1,
            long number => number + 1,
            ulong number => number + 1,
            double number => number + 1,
            bool flag => !flag,
            TimeSpan time => time + TimeSpan.FromTicks(1),
            string text => text + "x",
            Enum => Enum.ToObject(type, (int)value + 1),
            CostTerms cost => cost with { Own = cost.Own + 1 },
            PrefixKey key => key with { Depth = key.Depth + 1 },
            Refusal => null,
            IReadOnlyList<CandidateScore> scores => scores.Append(scores[0]).ToArray(),
            null when type == typeof(string) => "x",
            _ => throw new InvalidOperationException($"say here how a {type.Name} is changed"),
        };
}
