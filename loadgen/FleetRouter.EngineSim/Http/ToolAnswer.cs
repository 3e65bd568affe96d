using System.Text.Json;
using FleetRouter.EngineSim.Driving;
using FleetRouter.Simulation.Text;

namespace FleetRouter.EngineSim.Http;

/// <summary>Structured answers: a call of a tool the request forces, or a JSON object the request asks for. Always the same for the same schema.</summary>
internal static class ToolAnswer
{
    private const int DepthLimit = 8;

    /// <summary>The tool call the request forces, as a plan; null if it leaves the choice to the model, which then answers in text.</summary>
    public static AnswerPlan? Forced(RequestBody body, Prompt prompt, Sampling sampling, int room)
    {
        if (body.Field("tools") is not { ValueKind: JsonValueKind.Array } tools || tools.GetArrayLength() == 0)
            return null;
        string? name = null;
        switch (body.Field("tool_choice"))
        {
            case { ValueKind: JsonValueKind.String } choice when choice.ValueEquals("required"):
                break;
            case { ValueKind: JsonValueKind.Object } choice:
                name = Function(choice).TryGetProperty("name", out var chosen) ? chosen.ToString() : null;
                break;
            default:
                return null;
        }
        foreach (var tool in tools.EnumerateArray())
        {
            var function = Function(tool);
            if (!function.TryGetProperty("name", out var named) || named.ValueKind != JsonValueKind.String)
                throw ApiException.Schema("tools.function.name", "missing", "Field required");
            if (name is null || named.ValueEquals(name))
                return Call(RequestBody.TextOf(named, "tools"), function, prompt, sampling, room);
        }
        throw ApiException.BadRequest($"The tool specified in `tool_choice` does not match any of the specified `tools`: {name}", "tool_choice");
    }

    /// <summary>The JSON object a response format asks for; null if none is asked for.</summary>
    public static AnswerPlan? Object(JsonElement? format, Prompt prompt, Sampling sampling, int room)
    {
        if (format is not { ValueKind: JsonValueKind.Object } asked || !asked.TryGetProperty("type", out var type))
            return null;
        JsonElement schema = default;
        if (type.ValueEquals("json_schema"))
            _ = (asked.TryGetProperty("json_schema", out var nested) && nested.TryGetProperty("schema", out schema)) || asked.TryGetProperty("schema", out schema);
        else if (!type.ValueEquals("json_object"))
            return null;
        return AnswerPlan.Fixed(schema.ValueKind == JsonValueKind.Object ? Instance(schema) : """{"answer": 42}""", prompt.Answer, sampling, room);
    }

    /// <summary>A tool call in a conversation's history, as it was generated.</summary>
    public static string Rendered(JsonElement call)
    {
        var function = Function(call);
        string name = function.TryGetProperty("name", out var named) ? named.ToString() : "";
        string arguments = function.TryGetProperty("arguments", out var given) ? given.ToString() : "{}";
        return Head(name) + arguments + "}";
    }

    private static AnswerPlan Call(string name, JsonElement function, Prompt prompt, Sampling sampling, int room)
    {
        string arguments = function.TryGetProperty("parameters", out var schema) && schema.ValueKind == JsonValueKind.Object ? Instance(schema) : "{}";
        string head = Head(name);
        return AnswerPlan.Fixed(head + arguments + "}", prompt.Answer, sampling, room, head.Length..(head.Length + arguments.Length), name);
    }

    private static string Head(string name) => $$"""{"name": {{JsonSerializer.Serialize(name)}}, "arguments": """;

    private static JsonElement Function(JsonElement tool)
    {
        if (tool.ValueKind != JsonValueKind.Object)
            throw ApiException.Schema("tools", "dict_type", "Input should be a valid dictionary");
        return tool.TryGetProperty("function", out var function) && function.ValueKind == JsonValueKind.Object ? function : tool;
    }

    private static string Instance(JsonElement schema)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
            WriteInstance(json, schema, 0);
        return System.Text.Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    /// <summary>The plainest value a schema admits, as far as types, enum, const and required items say.</summary>
    private static void WriteInstance(Utf8JsonWriter json, JsonElement schema, int depth)
    {
        if (schema.ValueKind != JsonValueKind.Object || depth > DepthLimit)
        {
            json.WriteNullValue();
            return;
        }
        if (schema.TryGetProperty("const", out var constant))
        {
            constant.WriteTo(json);
            return;
        }
        if (schema.TryGetProperty("enum", out var values) && values.ValueKind == JsonValueKind.Array && values.GetArrayLength() > 0)
        {
            values[0].WriteTo(json);
            return;
        }
        switch (TypeOf(schema))
        {
            case "integer": json.WriteNumberValue(Least(schema, 1)); break;
            case "number": json.WriteNumberValue(Least(schema, 1.5)); break;
            case "boolean": json.WriteBooleanValue(true); break;
            case "null": json.WriteNullValue(); break;
            case "array":
                json.WriteStartArray();
                if (schema.TryGetProperty("items", out var items))
                    WriteInstance(json, items, depth + 1);
                json.WriteEndArray();
                break;
            case "object":
                json.WriteStartObject();
                if (schema.TryGetProperty("properties", out var properties) && properties.ValueKind == JsonValueKind.Object)
                {
                    foreach (var property in properties.EnumerateObject())
                    {
                        json.WritePropertyName(property.Name);
                        WriteInstance(json, property.Value, depth + 1);
                    }
                }
                json.WriteEndObject();
                break;
            default: json.WriteStringValue("Paris"); break;
        }
    }

    private static string? TypeOf(JsonElement schema)
    {
        if (!schema.TryGetProperty("type", out var type))
            return schema.TryGetProperty("properties", out _) ? "object" : null;
        return type.ValueKind == JsonValueKind.Array && type.GetArrayLength() > 0 ? type[0].ToString() : type.ToString();
    }

    private static double Least(JsonElement schema, double otherwise) =>
        schema.TryGetProperty("minimum", out var minimum) && minimum.TryGetDouble(out double least) ? Math.Max(least, otherwise) : otherwise;
}
