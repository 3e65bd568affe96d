using System.Buffers.Binary;
using System.Text.Json;
using FleetRouter.EngineSim.Driving;
using FleetRouter.EngineSim.Replies;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Text;

namespace FleetRouter.EngineSim.Http;

/// <summary>The endpoints whose answers the engine computes.</summary>
internal sealed class GenerationEndpoints(EngineInstance instance)
{
    /// <summary>What vLLM generates for a completion that does not say.</summary>
    private const int CompletionMaxTokens = 16;

    private const int EmbeddingDimensions = 256;

    private readonly EngineSimOptions _options = instance.FleetOptions;
    private readonly FaultyDelivery _delivery = new(instance);

    public Task ChatAsync(HttpContext context) => _delivery.ServeAsync(context, async fault =>
    {
        using var body = await RequestBody.ReadAsync(context.Request);
        string model = Model(body);
        var options = ReplyOptions.Of(body);
        var sampling = body.Sampling(null, "max_completion_tokens", "max_tokens");
        var prompt = PromptReader.Chat(body);
        int room = Room(prompt, sampling);
        var answer = ToolAnswer.Forced(body, prompt, sampling, room)
            ?? ToolAnswer.Object(body.Field("response_format"), prompt, sampling, room)
            ?? AnswerPlan.Text((prompt.Answer, prompt.Emitted), sampling, room, _options.Seed);
        var generation = Submit(body, model, prompt, answer, options);
        await _delivery.AnswerAsync(context, generation, options.Stream, fault,
            new ChatReply("chatcmpl-" + RequestId(context), Created(), model, prompt, generation, options));
    });

    public Task CompletionAsync(HttpContext context) => _delivery.ServeAsync(context, async fault =>
    {
        using var body = await RequestBody.ReadAsync(context.Request);
        string model = Model(body);
        var options = ReplyOptions.Of(body);
        // As in vLLM, a null that is said is no bound.
        bool isUnbounded = body.Root.TryGetProperty("max_tokens", out var said) && said.ValueKind == JsonValueKind.Null;
        var sampling = body.Sampling(isUnbounded ? null : CompletionMaxTokens, "max_tokens");
        var prompt = PromptReader.Completion(body);
        int room = Room(prompt, sampling);
        var answer = ToolAnswer.Object(body.Field("response_format"), prompt, sampling, room)
            ?? AnswerPlan.Text((prompt.Answer, prompt.Emitted), sampling, room, _options.Seed);
        var generation = Submit(body, model, prompt, answer, options);
        await _delivery.AnswerAsync(context, generation, options.Stream, fault,
            new CompletionReply("cmpl-" + RequestId(context), Created(), model, prompt, generation, options));
    });

    public Task ResponsesAsync(HttpContext context) => _delivery.ServeAsync(context, async fault =>
    {
        using var body = await RequestBody.ReadAsync(context.Request);
        string model = Model(body);
        if (body.Text("previous_response_id") is { } previous)
            throw ApiException.NotFound($"Response with id '{previous}' not found.", "previous_response_id");
        var options = new ReplyOptions(body.Flag("stream", false), false, false, false);
        var sampling = body.Sampling(null, "max_output_tokens");
        var prompt = ResponsesInput.Read(body);
        int room = Room(prompt, sampling);
        var format = body.Field("text") is { ValueKind: JsonValueKind.Object } text && text.TryGetProperty("format", out var asked) ? asked : (JsonElement?)null;
        var answer = ToolAnswer.Forced(body, prompt, sampling, room)
            ?? ToolAnswer.Object(format, prompt, sampling, room)
            ?? AnswerPlan.Text((prompt.Answer, prompt.Emitted), sampling, room, _options.Seed);
        var generation = Submit(body, model, prompt, answer, options);
        await _delivery.AnswerAsync(context, generation, options.Stream, fault,
            new ResponsesReply("resp_" + RequestId(context), Created(), model, prompt, generation, options, body.Root));
    });

    public Task EmbeddingsAsync(HttpContext context) => _delivery.ServeAsync(context, async fault =>
    {
        using var body = await RequestBody.ReadAsync(context.Request);
        string model = Model(body);
        int dimensions = body.Integer("dimensions") ?? EmbeddingDimensions;
        if (dimensions is < 1 or > 4096)
            throw ApiException.BadRequest($"dimensions must be 1 to 4096, got {dimensions}.", "dimensions");
        string format = body.Text("encoding_format") ?? "float";
        if (format is not ("float" or "base64"))
            throw ApiException.Schema("encoding_format", "literal_error", "Input should be float or base64");
        var inputs = PromptReader.Texts(body, "input");
        var bounds = new Sampling(null, 0, false, []);
        var generations = new List<Generation>();
        try
        {
            foreach (var (tokens, _) in inputs)
            {
                var prompt = new Prompt(tokens, default, 0);
                Room(prompt, bounds);
                var nothing = new AnswerPlan { Synthetic = default, OutputTokens = 0, FinishReason = "stop" };
                generations.Add(Submit(body, model, prompt, nothing, new ReplyOptions(false, false, false, false)));
            }
            foreach (var generation in generations)
                await _delivery.WaitAsync(context, generation);
        }
        finally
        {
            generations.ForEach(instance.Loop.Abort);
        }
        await _delivery.WriteWholeAsync(context, fault, Embeddings(model, inputs, dimensions, format == "base64"));
    });

    private static byte[] Embeddings(string model, List<(uint[] Tokens, bool Ids)> inputs, int dimensions, bool base64)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("object", "list");
            json.WriteString("model", model);
            json.WriteStartArray("data");
            for (int i = 0; i < inputs.Count; i++)
            {
                json.WriteStartObject();
                json.WriteNumber("index", i);
                json.WriteString("object", "embedding");
                WriteVector(json, inputs[i].Tokens, dimensions, base64);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            int total = inputs.Sum(input => input.Tokens.Length);
            json.WriteStartObject("usage");
            json.WriteNumber("prompt_tokens", total);
            json.WriteNumber("total_tokens", total);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }

    /// <summary>A vector of length 1, the same for the same text.</summary>
    private static void WriteVector(Utf8JsonWriter json, uint[] tokens, int dimensions, bool base64)
    {
        var answer = SyntheticAnswer.To(tokens);
        var vector = new float[dimensions];
        for (int i = 0; i < dimensions; i++)
            vector[i] = ((answer.Token(i) % 20_011) / 10_005f) - 1;
        float norm = MathF.Sqrt(vector.Sum(value => value * value));
        var bytes = new byte[dimensions * sizeof(float)];
        if (!base64)
            json.WriteStartArray("embedding");
        for (int i = 0; i < dimensions; i++)
        {
            float value = norm > 0 ? vector[i] / norm : 0;
            if (base64)
                BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), value);
            else
                json.WriteNumberValue(value);
        }
        if (base64)
            json.WriteBase64String("embedding", bytes);
        else
            json.WriteEndArray();
    }

    private string Model(RequestBody body)
    {
        string model = body.Text("model") ?? _options.Model;
        return model == _options.Model || _options.LoraModules.Contains(model)
            ? model
            : throw ApiException.NotFound($"The model `{model}` does not exist.", "model");
    }

    /// <summary>Tokens that fit after the prompt.</summary>
    private int Room(Prompt prompt, Sampling sampling)
    {
        int length = instance.Loop.Read(model => model.MaxModelLength);
        int room = length - prompt.Tokens.Length;
        if (room < 1)
            throw ApiException.BadRequest(
                $"This model's maximum context length is {length} tokens. However, your request has {prompt.Tokens.Length} input tokens. Please reduce the length of the input messages.");
        if (sampling.MaxTokens > room)
            throw ApiException.BadRequest(
                $"'max_tokens' or 'max_completion_tokens' is too large: {sampling.MaxTokens}. This model's maximum context length is {length} tokens and your request has {prompt.Tokens.Length} input tokens ({sampling.MaxTokens} > {length} - {prompt.Tokens.Length}).",
                "max_tokens");
        return room;
    }

    private Generation Submit(RequestBody body, string model, Prompt prompt, AnswerPlan answer, ReplyOptions options)
    {
        string salt = (model == _options.Model ? "" : model) + (body.Text("cache_salt") is { } own ? "\n" + own : "");
        var (admission, generation) = instance.Loop.Submit(prompt.Tokens, salt, answer, wholeOnly: !options.Stream);
        return admission switch
        {
            Admission.Accepted => generation,
            Admission.TooLong => throw ApiException.BadRequest("The request is longer than the KV cache of this engine holds."),
            _ => throw Overloaded(),
        };
    }

    internal static ApiException Overloaded() =>
        new(503, "ServiceUnavailableError", "The server is overloaded: the limit of queued requests or tokens is reached. Please retry later.");

    private long Created() => _options.Time.GetUtcNow().ToUnixTimeSeconds();

    private static string RequestId(HttpContext context) =>
        context.Request.Headers.TryGetValue("X-Request-Id", out var id) && id.ToString() is { Length: > 0 } given
            ? given
            : Guid.NewGuid().ToString("N")[..16];
}
