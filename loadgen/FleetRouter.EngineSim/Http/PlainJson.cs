using System.Text.Encodings.Web;
using System.Text.Json;

namespace FleetRouter.EngineSim.Http;

/// <summary>JSON as vLLM writes it: only what JSON itself demands is escaped.</summary>
internal static class PlainJson
{
    public static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The inside of a JSON string.</summary>
    public static byte[] Escaped(string text) =>
        JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes.ToArray();
}
