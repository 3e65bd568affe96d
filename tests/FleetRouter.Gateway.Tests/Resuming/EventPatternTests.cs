using System.Text;
using FleetRouter.Gateway.Resuming;

namespace FleetRouter.Gateway.Tests.Resuming;

/// <summary>Comparing an event with the one before must tell exactly what reading it tells.</summary>
public sealed class EventPatternTests
{
    private static readonly string[] Texts = [" word", "", "é", "quoted \\\"text\\\"", "a\\nb", "tab\there", "broken \" quote", "]}", "\r"];
    private static readonly string[] Ids = ["[1]", "[20001]", "[1,2]", "[]", "null", "[0]", "[01]", "[-1]", "[1.5]", "[1", "[ 7 ]"];
    private static readonly string[] Finishes = ["null", "\"stop\"", "\"length\""];
    private static readonly string[] Tails = ["}]}\n\n", "}],\"usage\":{\"prompt_tokens\":3}}\n\n", "}],\"error\":{\"code\":500}}\n\n", "}]}\r\n\r\n", "}]", "}]}}\n\n"];

    [Fact]
    public void An_event_is_read_the_same_whatever_came_before()
    {
        const int seed = 20261122;
        var random = new Random(seed);
        using var pattern = new EventPattern();
        for (int i = 0; i < 50_000; i++)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(Event(random));
            bool isRead = pattern.TryRead(bytes, out AnswerEvent told);
            bool isReally = AnswerEvent.TryRead(bytes, out AnswerEvent really);
            Assert.True(isReally == isRead && (!isRead || told.Equals(really)), $"seed {seed}, event {i}: {Encoding.UTF8.GetString(bytes)}");
        }
    }

    /// <summary>Mostly the plain kind, so that most events are compared with one like them.</summary>
    private static string Event(Random random)
    {
        if (random.Next(40) == 0)
            return random.Next(2) == 0 ? "data: [DONE]\n\n" : ": a comment\n\n";
        string text = Any(Texts, 3), ids = Any(Ids, 3), finish = Any(Finishes, 10), tail = Any(Tails, 10);
        string body = random.Next(10) == 0 ? $"\"text\":\"{text}\"" : $"\"delta\":{{\"content\":\"{text}\"}}";
        string early = random.Next(10) == 0 ? $"\"token_ids\":{ids}," : "", late = early.Length > 0 || random.Next(10) == 0 ? "" : $",\"token_ids\":{ids}";
        return $"data: {{\"id\":\"chatcmpl-1\",\"choices\":[{{\"index\":0,{early}{body},\"finish_reason\":{finish}{late}{tail}";

        string Any(string[] all, int oddOneIn) => random.Next(oddOneIn) == 0 ? all[random.Next(all.Length)] : all[0];
    }
}
