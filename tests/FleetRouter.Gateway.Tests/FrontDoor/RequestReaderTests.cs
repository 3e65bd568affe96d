using FleetRouter.Domain.Placement;
using System.Text;
using System.Text.Json;
using FleetRouter.Domain.Prefixes;
using FleetRouter.Domain.Tests;
using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Gateway.Tests.Engines;

namespace FleetRouter.Gateway.Tests.FrontDoor;

public sealed class RequestReaderTests
{
    private static RequestFacts Read(string body)
    {
        RequestFacts? facts = RequestReader.Read(Encoding.UTF8.GetBytes(body), ApiKind.Chat, out ErrorAnswer? error);
        Assert.True(facts is not null, error?.Message);
        return facts;
    }

    [Fact]
    public void The_fields_the_router_acts_on_are_read()
    {
        RequestFacts facts = Read("""
            {"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}],
             "stream":true,"stream_options":{"include_usage":true},"max_tokens":7,"max_completion_tokens":9,"tools":[{"type":"function"}],
             "session_params":{"other":1,"session_id":"s-1"}}
            """);
        Assert.Equal(("m", true, true, 9, "s-1", true, 1), (facts.Model, facts.Stream, facts.AsksForUsage, facts.MaxOutputTokens, facts.SessionId, facts.HasTools, facts.PriorTurns));
        Assert.Null(facts.PromptTokens);
    }

    [Theory]
    [InlineData("[1,2,3]", 3)]
    [InlineData("[[1,2,3,4]]", 4)]
    [InlineData("\"one, two\"", null)]
    [InlineData("[\"1\",\"2\"]", null)]
    public void A_prompt_of_token_ids_has_an_exact_length(string prompt, int? tokens) =>
        Assert.Equal(tokens, Read($$"""{"model":"m","prompt":{{prompt}}}""").PromptTokens);

    [Theory]
    [InlineData("\"session_id\":\"\"")]
    [InlineData("\"session_id\":7")]
    [InlineData("\"user\":\"u\"")]
    public void What_names_no_conversation_is_no_session(string field) =>
        Assert.Null(Read($$"""{"model":"m","prompt":"p",{{field}}}""").SessionId);

    [Fact]
    public void The_blocks_before_the_last_answer_are_those_the_turn_before_had()
    {
        string first = $$"""{"role":"user","content":"{{new string('a', 3 * PromptChain.BlockBytes)}}"}""";
        RequestFacts one = Read($$"""{"model":"m","tools":[{"a":1}],"messages":[{{first}}]}""");
        RequestFacts two = Read($$"""{"model":"m","tools":[{"a":1}],"messages":[{{first}},{"role":"assistant","content":"b"},{{first}}]}""");
        Assert.Equal((0, 3), (one.PriorBlocks, one.Prompt.Hashes.Length));
        Assert.Equal(3, two.PriorBlocks);
        Assert.Equal(one.Prompt.Hashes, two.Prompt.Hashes[..two.PriorBlocks]);
    }

    [Fact]
    public void The_next_turn_continues_the_chain_of_the_one_before()
    {
        string first = $$"""{"role":"user","content":"{{new string('a', 3 * PromptChain.BlockBytes)}}"}""";
        PromptChain one = Read($$"""{"model":"m","messages":[{{first}}]}""").Prompt;
        PromptChain two = Read($$"""{"model":"m","messages":[{{first}},{"role":"assistant","content":"b"}]}""").Prompt;
        Assert.Equal(one.Hashes, two.Hashes.Take(one.Hashes.Length));
    }

    [Fact]
    public void Other_models_salts_and_tools_have_other_chains()
    {
        string prompt = $"\"prompt\":\"{new string('a', 1_000)}\"";
        string[] bodies =
        [
            $$"""{"model":"m",{{prompt}}}""", $$"""{"model":"n",{{prompt}}}""", $$"""{"model":"m","cache_salt":"s",{{prompt}}}""",
            $$"""{"model":"m","tools":[{"name":"t"}],{{prompt}}}""",
        ];
        Assert.Equal(bodies.Length, bodies.Select(b => Read(b).Prompt.Hashes[0]).Distinct().Count());
    }

    [Fact]
    public void An_id_of_a_conversation_is_never_kept_longer_than_a_headers()
    {
        Assert.Equal(256, Read($$"""{"model":"m","session_id":"{{new string('s', 1 << 20)}}"}""").SessionId!.Length);
        Assert.Equal(256, Read("{\"model\":\"m\",\"session_params\":{\"session_id\":\"" + new string('s', 1 << 20) + "\"}}").SessionId!.Length);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("  ", "empty")]
    [InlineData("{\"model\":", "ends too early")]
    [InlineData("{\"model\":x}", "out of place")]
    public void What_is_no_JSON_is_named_for_what_it_is(string body, string what)
    {
        Assert.Null(RequestReader.Read(Encoding.UTF8.GetBytes(body), ApiKind.Chat, out ErrorAnswer? error));
        Assert.Equal((400, "invalid_json"), (error!.Status, error.Code));
        Assert.Contains(what, error.Message);
    }

    /// <summary>Thousands of mutated bodies: never an exception, and always the same verdict and model as a whole parse.</summary>
    [Fact]
    public void Mutated_bodies_are_read_as_a_whole_parse_reads_them()
    {
        const ulong seed = 7_041_776;
        const int rounds = 20_000;
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}, {rounds} rounds");
        var random = new SplitMix64(seed);
        byte[][] sound = [.. Bodies().Select(Encoding.UTF8.GetBytes)];
        int taken = 0;
        for (int round = 0; round < rounds; round++)
        {
            byte[] body = random.Damage(sound[round % sound.Length]);
            RequestFacts? facts = RequestReader.Read(body, ApiKind.Chat, out ErrorAnswer? error);
            Assert.True(facts is null != error is null, $"round {round}: both or neither of facts and error");
            string? model = ModelOf(body, out bool sane);
            if (facts is null)
            {
                Assert.Equal(400, error!.Status);
                Assert.True(!sane, $"round {round}: a sound body is refused with '{error.Message}': {Encoding.UTF8.GetString(body)}");
                continue;
            }
            taken++;
            Assert.True(model == facts.Model, $"round {round}: model '{facts.Model}' instead of '{model}': {Encoding.UTF8.GetString(body)}");
        }
        Assert.True(taken > rounds / 20, $"only {taken} of {rounds} bodies survive their mutation; the test says little");
    }

    private static IEnumerable<string> Bodies() =>
    [
        """{"model":"m","messages":[{"role":"user","content":"a \u00e9 \"q\" \\ \ud83d\ude00"}],"stream":true,"stream_options":{"include_usage":true},"max_tokens":5}""",
        """{"model":"m","prompt":[1,2,3,4,5],"max_tokens":16,"session_id":"s"}""",
        """{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"x"}]}],"instructions":"be brief","max_output_tokens":3,"tools":[{"type":"function","name":"f"}]}""",
        """ { "session_params" : { "session_id" : "s" } , "model" : "m" , "stream" : null , "cache_salt" : "c" } """,
    ];

    /// <summary>The model by a parse of the whole body; null where the body is wrong.</summary>
    private static string? ModelOf(byte[] body, out bool sane)
    {
        sane = false;
        try
        {
            using var json = JsonDocument.Parse(body);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                return null;
            // Every one of a name given twice must be sound; the last one counts.
            string? model = null;
            bool streamIsSound = true, modelIsSound = true, textIsSound = true;
            foreach (JsonProperty property in json.RootElement.EnumerateObject())
            {
                if (property.NameEquals("model"))
                    modelIsSound &= property.Value.ValueKind == JsonValueKind.String && (model = property.Value.GetString()) is not null;
                if (property.NameEquals("stream"))
                    streamIsSound &= property.Value.ValueKind is JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null;
                if (property.NameEquals("session_id") && property.Value.ValueKind == JsonValueKind.String)
                    _ = property.Value.GetString();
                if (property.NameEquals("session_params") && property.Value.ValueKind == JsonValueKind.Object)
                    foreach (JsonProperty inner in property.Value.EnumerateObject())
                        if (inner.Value.ValueKind == JsonValueKind.String)
                            _ = inner.Value.GetString();
            }
            sane = modelIsSound && streamIsSound && textIsSound && model is { Length: > 0 };
            return modelIsSound && streamIsSound ? model : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
