using System.Text.Json;

namespace FleetRouter.EngineSim.Http;

/// <summary>A request that is answered with an error in vLLM's nested envelope.</summary>
internal sealed class ApiException(int status, string type, string message, string? parameter = null) : Exception(message)
{
    public int Status => status;

    public static ApiException BadRequest(string message, string? parameter = null) => new(400, "BadRequestError", message, parameter);

    /// <summary>A field of the wrong type or missing, in the words of vLLM's schema check.</summary>
    public static ApiException Schema(string field, string kind, string message) =>
        new(400, "Bad Request", $"[{{'type': '{kind}', 'loc': ('body', '{field}'), 'msg': '{message}'}}]", field);

    public static ApiException Missing(string field) => Schema(field, "missing", "Field required");

    public static ApiException NotFound(string message, string? parameter = null) => new(404, "NotFoundError", message, parameter);

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartObject("error");
        json.WriteString("message", Message);
        json.WriteString("type", type);
        json.WriteString("param", parameter);
        json.WriteNumber("code", status);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
