using System.Text;
using System.Text.Json;
using FleetRouter.Domain.Tests;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Gateway.Responses;
using FleetRouter.Hosting.Conversations;

namespace FleetRouter.Gateway.Tests.Responses;

/// <summary>What an engine is asked in place of what the client asked.</summary>
public sealed class TurnsTests
{
    private const string First = """{"type":"message","role":"user","content":"sch\u00f6n, \"so\" {} [1]"}""";
    private const string Answer = """{ "id" : "msg_1", "type":"message","role":"assistant","content":[{"type":"output_text","text":"1, 2]","annotations":[]}] }""";
    private const string Call = """{"type":"function_call","call_id":"c","name":"f","arguments":"{\"x\":1.0e0}"}""";

    private readonly MemoryConversations _kept = new(1 << 24, TimeProvider.System);

    private Turns Turns(long most = 1 << 20) => new(_kept, new ResponsesSection(), most, TimeProvider.System);

    private async Task KeepAsync()
    {
        await _kept.SaveAsync(Bodies.Turn("resp_1", null, $"[{First}]", $$"""{"id":"resp_1","output":[ {{Answer}} , {{Call}}],"status":"completed"}"""), default);
        await _kept.SaveAsync(Bodies.Turn("resp_2", "resp_1", "[ ]", """{"output":[],"id":"resp_2"}"""), default);
    }

    private static string[] Items(string body) => [.. JsonDocument.Parse(body).RootElement.GetProperty("input").EnumerateArray().Select(item => item.GetRawText())];

    [Theory]
    [InlineData("resp_1")]
    [InlineData("resp_2")]
    public async Task The_turns_before_stand_before_the_input_byte_for_byte_wherever_the_fields_stand(string previous)
    {
        await KeepAsync();
        const string own = """{"role":"user","content":[ {"type":"input_text","text":"and \u0041?"} ]}""";
        string[] fields = ["\"model\" : \"m\"", $"\"previous_response_id\" : \"{previous}\"", $"\"input\" :\n[ {own} ]", "\"store\": true", "\"instructions\":\"be \\\"brief\\\"\""];
        for (ulong seed = 0; seed < 100; seed++)
        {
            var random = new SplitMix64(seed);
            string[] shuffled = [.. fields.Where(field => !field.StartsWith("\"store", StringComparison.Ordinal) || random.Chance(0.5)).OrderBy(_ => random.Next())];
            using RequestBody body = await Bodies.ReadAsync((random.Chance(0.5) ? " " : "") + "{" + string.Join(" , ", shuffled) + "}\n");
            (ResponseTurn? turn, ErrorAnswer? error) = await Turns().BeginAsync(body, "", default);
            Assert.Null(error);
            string asked = Encoding.UTF8.GetString(body.Span);
            Assert.True(Items(asked).SequenceEqual([First, Answer, Call, own]), $"seed {seed}: {asked}");
            JsonElement root = JsonDocument.Parse(asked).RootElement;
            Assert.False(root.GetProperty("store").GetBoolean());
            Assert.Equal(JsonValueKind.Null, root.GetProperty("previous_response_id").ValueKind);
            Assert.Equal(("m", "be \"brief\""), (root.GetProperty("model").GetString(), root.GetProperty("instructions").GetString()));
            Assert.Equal((previous, "resp_1", true), (turn!.PreviousId, turn.Conversation, turn.IsKept));
            Assert.Equal($"[ {own} ]", Encoding.UTF8.GetString(turn.Input.Span));
        }
    }

    [Theory]
    [InlineData(""","input":"hi \u0041\n" """, """{"type":"message","role":"user","content":"hi \u0041\n"}""")]
    [InlineData(""","input":[]""", null)]
    [InlineData(""","input":null""", null)]
    [InlineData("", null)]
    public async Task An_input_of_any_form_goes_behind_the_turns_before(string input, string? item)
    {
        await KeepAsync();
        using RequestBody body = await Bodies.ReadAsync($$"""{"model":"m","previous_response_id":"resp_2"{{input}}}""");
        (ResponseTurn? turn, _) = await Turns().BeginAsync(body, "", default);
        Assert.Equal(item is null ? [First, Answer, Call] : [First, Answer, Call, item], Items(Encoding.UTF8.GetString(body.Span)));
        Assert.Equal(item is null ? "[]" : $"[{item}]", Encoding.UTF8.GetString(turn!.Input.Span));
    }

    [Fact]
    public async Task A_turn_asked_in_text_begins_the_prompt_of_the_turn_after_it()
    {
        using RequestBody first = await Bodies.ReadAsync($$"""{"model":"m","input":"{{new string('x', 5_000)}}"}""");
        (ResponseTurn? turn, _) = await Turns().BeginAsync(first, "", default);
        await turn!.KeepAsync(Encoding.UTF8.GetBytes($$"""{"id":"{{turn.Id}}","output":[{{Answer}}]}"""), default);
        using RequestBody second = await Bodies.ReadAsync($$"""{"model":"m","input":"more","previous_response_id":"{{turn.Id}}"}""");
        (ResponseTurn? next, _) = await Turns().BeginAsync(second, "", default);
        Assert.Equal(turn.Id, next!.Conversation);
        ulong[] one = RequestReader.Read(first.Span, Domain.Placement.ApiKind.Response, out _)!.Prompt.Hashes;
        RequestFacts facts = RequestReader.Read(second.Span, Domain.Placement.ApiKind.Response, out _)!;
        Assert.Equal(1, facts.PriorTurns);
        Assert.InRange(one.Length, 19, 20);
        Assert.Equal(one, facts.Prompt.Hashes[..one.Length]);
    }

    [Theory]
    [InlineData("""{"model":"m","input":"hi","store":false}""", """{"model":"m","input":"hi","store":false}""")]
    [InlineData("""{"store":null,"model":"m","input":[{"role":"user","content":"hi"}]}""", """{"store":false,"model":"m","input":[{"role":"user","content":"hi"}]}""")]
    [InlineData("""{"model":"m","input":[{"role":"user","content":"hi"}],"previous_response_id":null}""", """{"store":false,"model":"m","input":[{"role":"user","content":"hi"}],"previous_response_id":null}""")]
    public async Task Nothing_else_of_a_body_is_touched(string asked, string wanted)
    {
        using RequestBody body = await Bodies.ReadAsync(asked);
        (ResponseTurn? turn, _) = await Turns().BeginAsync(body, "", default);
        Assert.Equal(wanted, Encoding.UTF8.GetString(body.Span));
        Assert.Matches("^resp_[0-9a-f]{48}$", turn!.Id);
    }

    [Theory]
    [InlineData("""{"model":"m","input":"x","previous_response_id":"resp_0"}""", 404, "previous_response_not_found")]
    [InlineData("""{"model":"m","input":"x","previous_response_id":5}""", 400, null)]
    [InlineData("""{"model":"m","input":5}""", 400, null)]
    [InlineData("""{"model":"m","input":"x","store":"yes"}""", 400, null)]
    [InlineData("""{"model":"m","input":"x","background":true}""", 400, "unsupported_parameter")]
    [InlineData("""{"model":"m","input":"x","conversation":"conv_1"}""", 400, "unsupported_parameter")]
    public async Task What_cannot_be_served_is_refused(string asked, int status, string? code)
    {
        using RequestBody body = await Bodies.ReadAsync(asked);
        (ResponseTurn? turn, ErrorAnswer? error) = await Turns().BeginAsync(body, "", default);
        Assert.Null(turn);
        Assert.Equal((status, code), (error!.Status, error.Code));
        Assert.NotNull(error.Param);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"model":"m","input":""")]
    [InlineData("""{"model":"m"} x""")]
    public async Task What_is_wrong_with_any_body_is_left_to_the_reader_of_all(string asked)
    {
        using RequestBody body = await Bodies.ReadAsync(asked);
        Assert.Equal((null, null), await Turns().BeginAsync(body, "", default));
        Assert.Null(RequestReader.Read(body.Span, Domain.Placement.ApiKind.Response, out _));
    }

    [Fact]
    public async Task A_conversation_beyond_the_bound_is_refused_by_its_name()
    {
        await KeepAsync();
        using RequestBody body = await Bodies.ReadAsync("""{"model":"m","input":"x","previous_response_id":"resp_1"}""");
        (_, ErrorAnswer? error) = await Turns(most: 300).BeginAsync(body, "", default);
        Assert.Equal((400, "conversation_too_long"), (error!.Status, error.Code));
        Assert.Contains("limits.body", error.Message);
        Assert.Contains("300", error.Message);
    }
}
