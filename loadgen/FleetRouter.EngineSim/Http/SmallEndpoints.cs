using System.Text.Json;
using FleetRouter.EngineSim.Faults;
using FleetRouter.Simulation.Text;

namespace FleetRouter.EngineSim.Http;

/// <summary>All endpoints that need no time of the engine.</summary>
internal sealed class SmallEndpoints(EngineInstance instance)
{
    private readonly EngineSimOptions _options = instance.FleetOptions;

    private int MaxModelLength => instance.Loop.Read(model => model.MaxModelLength);

    public async Task TokenizeAsync(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context.Request);
        uint[] tokens = body.Field("messages") is not null
            ? PromptReader.Chat(body).Tokens
            : SyntheticTokenizer.Encode(body.Text("prompt") ?? throw ApiException.Missing("prompt"));
        bool strings = body.Flag("return_token_strs", false);
        int length = MaxModelLength;
        await context.WriteJsonAsync(json =>
        {
            json.WriteStartObject();
            json.WriteNumber("count", tokens.Length);
            json.WriteNumber("max_model_len", length);
            json.WriteStartArray("tokens");
            foreach (uint token in tokens)
                json.WriteNumberValue(token);
            json.WriteEndArray();
            if (strings)
            {
                json.WriteStartArray("token_strs");
                foreach (uint token in tokens)
                    json.WriteStringValue(SyntheticTokenizer.Decode([token]));
                json.WriteEndArray();
            }
            else
            {
                json.WriteNull("token_strs");
            }
            json.WriteEndObject();
        });
    }

    public async Task DetokenizeAsync(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context.Request);
        if (body.Field("tokens") is not { ValueKind: JsonValueKind.Array } tokens)
            throw ApiException.Missing("tokens");
        string text = SyntheticTokenizer.Decode(PromptReader.Ids(tokens, "tokens"));
        await context.WriteJsonAsync(json =>
        {
            json.WriteStartObject();
            json.WriteString("prompt", text);
            json.WriteEndObject();
        });
    }

    public Task ModelsAsync(HttpContext context)
    {
        int length = MaxModelLength;
        long created = _options.Time.GetUtcNow().ToUnixTimeSeconds();
        return context.WriteJsonAsync(json =>
        {
            json.WriteStartObject();
            json.WriteString("object", "list");
            json.WriteStartArray("data");
            WriteModel(json, _options.Model, null, created, length);
            foreach (string adapter in _options.LoraModules)
                WriteModel(json, adapter, _options.Model, created, length);
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    public Task MetricsAsync(HttpContext context) =>
        context.WriteTextAsync(instance.MetricsText(), "text/plain; version=0.0.4; charset=utf-8");

    public Task HealthAsync(HttpContext context)
    {
        context.Response.StatusCode = instance.Faults.IsUnhealthy ? 503 : 200;
        context.Response.ContentLength = 0;
        return Task.CompletedTask;
    }

    public Task VersionAsync(HttpContext context) => context.WriteJsonAsync("""{"version":"0.29.0"}"""u8.ToArray());

    public Task LoadAsync(HttpContext context) => context.WriteJsonAsync(json =>
    {
        json.WriteStartObject();
        json.WriteNumber("server_load", Volatile.Read(ref instance.Load));
        json.WriteEndObject();
    });

    public async Task FaultsAsync(HttpContext context)
    {
        switch (context.Request.Method)
        {
            case "POST":
                using (var body = await RequestBody.ReadAsync(context.Request))
                    Add(FaultFormat.Read(body), context);
                break;
            case "DELETE":
                instance.Faults.Clear();
                break;
            case "GET":
                break;
            default:
                throw new ApiException(405, "Method Not Allowed", "/sim/faults takes GET, POST and DELETE.");
        }
        await context.WriteJsonAsync(json =>
        {
            json.WriteStartArray();
            foreach (var fault in instance.Faults.Active)
                FaultFormat.Write(json, fault);
            json.WriteEndArray();
        });
    }

    public Task StateAsync(HttpContext context)
    {
        var state = instance.Loop.Read(model => (model.Running, model.Waiting, model.UsedBlocks, model.CachedBlocks, model.KvBlocks,
            model.Counters.Accepted, model.Counters.Finished, model.Counters.Aborted, model.Counters.GeneratedTokens));
        return context.WriteJsonAsync(json =>
        {
            json.WriteStartObject();
            json.WriteString("name", instance.Name);
            json.WriteNumber("running", state.Running);
            json.WriteNumber("waiting", state.Waiting);
            json.WriteNumber("used_blocks", state.UsedBlocks);
            json.WriteNumber("cached_blocks", state.CachedBlocks);
            json.WriteNumber("kv_blocks", state.KvBlocks);
            json.WriteNumber("accepted", state.Accepted);
            json.WriteNumber("finished", state.Finished);
            json.WriteNumber("aborted", state.Aborted);
            json.WriteNumber("generated_tokens", state.GeneratedTokens);
            json.WriteEndObject();
        });
    }

    private void Add(Fault fault, HttpContext context)
    {
        if (fault.Kind is FaultKind.Crash or FaultKind.Restart)
        {
            // The engine dies once this call is answered.
            context.Response.OnCompleted(() =>
            {
                _ = instance.CrashInBackgroundAsync(fault.Kind == FaultKind.Restart ? 0 : fault.RestartAfterSeconds);
                return Task.CompletedTask;
            });
            return;
        }
        try
        {
            instance.Faults.Add(fault);
        }
        catch (ArgumentException error)
        {
            throw ApiException.BadRequest(error.Message);
        }
    }

    private static void WriteModel(Utf8JsonWriter json, string id, string? parent, long created, int maxModelLength)
    {
        json.WriteStartObject();
        json.WriteString("id", id);
        json.WriteString("object", "model");
        json.WriteNumber("created", created);
        json.WriteString("owned_by", "vllm");
        json.WriteString("root", id);
        json.WriteString("parent", parent);
        if (parent is null)
            json.WriteNumber("max_model_len", maxModelLength);
        else
            json.WriteNull("max_model_len");
        json.WriteStartArray("permission");
        json.WriteStartObject();
        json.WriteString("id", "modelperm-" + id);
        json.WriteString("object", "model_permission");
        json.WriteNumber("created", created);
        json.WriteBoolean("allow_create_engine", false);
        json.WriteBoolean("allow_sampling", true);
        json.WriteBoolean("allow_logprobs", true);
        json.WriteBoolean("allow_search_indices", false);
        json.WriteBoolean("allow_view", true);
        json.WriteBoolean("allow_fine_tuning", false);
        json.WriteString("organization", "*");
        json.WriteNull("group");
        json.WriteBoolean("is_blocking", false);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
