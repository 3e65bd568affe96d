using System.Text.Json;
using FleetRouter.Simulation.Text;

namespace FleetRouter.LoadGen.Client;

/// <summary>Checks an answer token by token against what the prompt's answer must be. Only a stand-in's answers can be: they
/// are a pure function of the prompt, so a token lost, doubled, or of another request's answer shows.</summary>
internal static class AnswerCheck
{
    /// <summary>Whether answers of <paramref name="model"/> can be checked: stand-ins call their models <c>sim/…</c>.</summary>
    public static bool CanCheck(string model) => model.StartsWith("sim/", StringComparison.Ordinal);

    /// <summary>Whether <paramref name="answer"/> is the beginning of the answer to the request in <paramref name="body"/>.</summary>
    public static bool IsRight(Endpoint endpoint, ReadOnlyMemory<byte> body, string answer)
    {
        using JsonDocument request = JsonDocument.Parse(body);
        uint[] prompt = endpoint == Endpoint.Completions
            ? SyntheticTokenizer.Encode(request.RootElement.GetProperty("prompt").GetString()!)
            : ChatPrompt.Render([.. request.RootElement.GetProperty("messages").EnumerateArray().Select(message =>
                new ChatMessage(message.GetProperty("role").GetString()!, message.GetProperty("content").GetString()!))]).Tokens;
        return answer.Length % SyntheticTokenizer.BytesPerToken == 0
            && answer == SyntheticAnswer.To(prompt).Text(0, answer.Length / SyntheticTokenizer.BytesPerToken);
    }
}
