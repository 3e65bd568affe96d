using System.Text;
using System.Text.Json;
using FleetRouter.Domain.Tests;
using FleetRouter.Engines.Vllm;

namespace FleetRouter.Gateway.Tests.Engines;

public sealed class ModelListTests
{
    [Fact]
    public void The_bare_array_of_a_recorded_answer_is_read() =>
        Assert.Equal(["openai/gpt-oss-120b"], ModelList.Read(RecordedData.Read("vllm_api/vllm_models_list.json")));

    [Fact]
    public void The_documented_answer_with_an_adapter_is_read()
    {
        // As printed in vLLM's documentation, which abridges `permission` and leaves `parent` unquoted.
        string printed = Encoding.UTF8.GetString(RecordedData.Read("vllm_api/vllm_models_lora_documented.txt"));
        string json = printed.Replace(".....", "").Replace("....", "").Replace("\"parent\": meta-llama/Llama-2-7b-hf", "\"parent\": \"meta-llama/Llama-2-7b-hf\"");
        Assert.Equal(["meta-llama/Llama-2-7b-hf", "sql-lora"], Read(json));
        Assert.ThrowsAny<JsonException>(() => Read(printed));
    }

    [Fact]
    public void Entries_without_a_usable_name_are_passed_over_and_a_name_counts_once() =>
        Assert.Equal(["a", "b"], Read("""{"data":[{"id":"a"},7,null,{"id":3},{"id":""},{"object":"model"},{"id":"\ud800"},{"id":"b"},{"id":"a"}]}"""));

    [Theory]
    [InlineData("")]
    [InlineData("<html>busy</html>")]
    [InlineData("{}")]
    [InlineData("""{"data":{"id":"a"}}""")]
    [InlineData("""{"data":[{"id":"a"}""")]
    [InlineData("\"models\"")]
    public void Anything_else_is_an_error(string json) => Assert.ThrowsAny<JsonException>(() => Read(json));

    [Fact]
    public void Damaged_answers_are_read_or_refused_but_nothing_else()
    {
        const ulong Seed = 4711;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {Seed}");
        var random = new SplitMix64(Seed);
        byte[] whole = RecordedData.Read("vllm_api/vllm_models_list.json");
        int read = 0, refused = 0;
        for (int round = 0; round < 5000; round++)
        {
            try
            {
                _ = ModelList.Read(random.Damage(whole));
                read++;
            }
            catch (JsonException)
            {
                refused++;
            }
        }
        Assert.True(read > 100 && refused > 100, $"{read} read, {refused} refused");
    }

    private static IReadOnlyList<string> Read(string json) => ModelList.Read(Encoding.UTF8.GetBytes(json));
}
