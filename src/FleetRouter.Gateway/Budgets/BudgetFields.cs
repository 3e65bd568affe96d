using System.Text.Json;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.FrontDoor;

namespace FleetRouter.Gateway.Budgets;

/// <summary>The fields of a body that bound what the request can cost. Read strictly: what engines might take another way than the router is refused,
/// since a bound must hold.</summary>
internal sealed class BudgetFields
{
    private readonly Dictionary<string, Member> _members = new(StringComparer.Ordinal);

    private BudgetFields()
    {
    }

    /// <summary>Tokens that each answer may have, as the body says; null where it does not.</summary>
    public int? MaxAnswer { get; private set; }

    /// <summary>Whether the body bounds the answer by null, which some engines take as no bound at all.</summary>
    public bool IsUnboundedByWord { get; private set; }

    /// <summary>Answers asked for, of all prompts together.</summary>
    public long Answers { get; private set; } = 1;

    /// <summary>Most tokens of the prompt that the body's own bytes can come to: no tokenizer in use makes more tokens of a text than it has bytes.</summary>
    public long PromptTokens { get; private set; }

    /// <summary>Where members stand that are to go for another to count, each with its name.</summary>
    public IEnumerable<Range> Unbounding(ApiKind api) => BoundsOf(api).Where(_members.ContainsKey).Select(name => _members[name].All);

    /// <summary>Where <c>stream_options</c> stands, name and value; empty without it.</summary>
    public Range StreamOptions => _members.TryGetValue("stream_options", out Member said) ? said.All : default;

    /// <summary>Under which name an engine is told the bound of an answer.</summary>
    public static string BoundName(ApiKind api) => api == ApiKind.Response ? "max_output_tokens" : "max_tokens";

    private static string[] BoundsOf(ApiKind api) => api switch
    {
        ApiKind.Chat => ["max_tokens", "max_completion_tokens"],
        ApiKind.Completion => ["max_tokens"],
        ApiKind.Response => ["max_output_tokens"],
        _ => [],
    };

    /// <summary>Reads a body that <see cref="RequestReader"/> has read; null with an error where no bound could hold.</summary>
    public static BudgetFields? Read(ReadOnlySpan<byte> body, ApiKind api, out ErrorAnswer? error)
    {
        var fields = new BudgetFields();
        try
        {
            error = api == ApiKind.Other
                ? Unbounded("This call's tokens cannot be bounded, so it is not open to a key with a budget. Use chat completions, completions, responses or embeddings.", null)
                : fields.Gather(body) ?? fields.Bound(body, api);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            error = Unbounded("The request body must be a JSON object, its names in valid UTF-8.", null);
        }
        return error is null ? fields : null;
    }

    private ErrorAnswer? Gather(ReadOnlySpan<byte> body)
    {
        var json = new Utf8JsonReader(body);
        if (body.IsEmpty || !json.Read() || json.TokenType != JsonTokenType.StartObject)
            return Unbounded("The request body must be a JSON object.", null);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            int start = (int)json.TokenStartIndex;
            string name = json.GetString()!;
            Range value = RequestReader.Value(ref json);
            if (!_members.TryAdd(name, new Member(start..value.End, value, json.TokenType)))
                return Unbounded($"A field is given twice, the second time at byte {start}.", null);   // its name is the client's text
        }
        return null;
    }

    private ErrorAnswer? Bound(ReadOnlySpan<byte> body, ApiKind api)
    {
        foreach (string name in BoundsOf(api))
            if (!TryRead(body, name, out int? tokens))
                return NoNumber(name);
            else
                MaxAnswer = tokens is { } most ? Math.Max(MaxAnswer ?? 1, most) : MaxAnswer;
        IsUnboundedByWord = MaxAnswer is null && BoundsOf(api).Any(_members.ContainsKey);
        if (!TryRead(body, "n", out int? several))
            return NoNumber("n");
        if (!TryRead(body, "best_of", out int? bestOf))
            return NoNumber("best_of");
        if (_members.TryGetValue("chat_template", out Member template) && template.Type != JsonTokenType.Null)
            return Unbounded("A chat template of one's own may repeat the prompt at will, so it is not open to a key with a budget. Leave out 'chat_template'.", "chat_template");
        string promptName = api switch { ApiKind.Chat => "messages", ApiKind.Completion => "prompt", _ => "input" };
        ReadOnlySpan<byte> prompt = _members.TryGetValue(promptName, out Member said) ? body[said.Value] : default;
        if (api is ApiKind.Chat or ApiKind.Response && HoldsMedia(prompt))
            return Unbounded($"What an image, a recording or a file comes to in tokens cannot be bounded, so '{promptName}' must hold text only with a key that has a budget.", promptName);
        ReadOnlySpan<byte> tools = _members.TryGetValue("tools", out Member offered) ? body[offered.Value] : default;
        if (api == ApiKind.Response && HasToolsOfTheEngine(tools))
            return Unbounded("What tools that the engine runs itself come to in tokens cannot be bounded, so a key with a budget may offer functions only.", "tools");
        (int prompts, int ids) = CountOf(prompt);
        Answers = api == ApiKind.Embedding ? 0 : Math.Max(1L, Math.Max(several ?? 1, bestOf ?? 1)) * (api == ApiKind.Completion ? prompts : 1);
        // Templates write tools with blanks and line ends between, which at most double their tokens.
        PromptTokens = body.Length + (long)tools.Length - (ids > 0 ? prompt.Length - ids : 0);
        return null;
    }

    /// <summary>A whole number, or nothing said; false for anything else.</summary>
    private bool TryRead(ReadOnlySpan<byte> body, string name, out int? number)
    {
        number = null;
        if (!_members.TryGetValue(name, out Member said) || said.Type == JsonTokenType.Null)
            return true;
        var json = new Utf8JsonReader(body[said.Value]);
        json.Read();
        bool isNumber = said.Type == JsonTokenType.Number && json.TryGetInt32(out int value) && (number = value) >= 0;
        return isNumber;
    }

    /// <summary>How many prompts there are, and how many ids where they are of token ids alone.</summary>
    private static (int Prompts, int Ids) CountOf(ReadOnlySpan<byte> prompt)
    {
        if (prompt.IsEmpty || prompt[0] != '[')
            return (1, 0);
        var json = new Utf8JsonReader(prompt);
        int entries = 0, ids = 0;
        bool isIds = true, isOne = true;
        while (json.Read())
        {
            bool isId = json.TokenType == JsonTokenType.Number;
            isIds &= isId || json.TokenType is JsonTokenType.StartArray or JsonTokenType.EndArray;
            ids += isId ? 1 : 0;
            if (json.CurrentDepth != 1 || json.TokenType is JsonTokenType.EndArray or JsonTokenType.EndObject)
                continue;
            entries++;
            isOne &= isId;
        }
        return (isOne ? 1 : entries, isIds ? ids : 0);
    }

    /// <summary>Whether a member of that kind is anywhere in the prompt; told by name, since a part may lack a type.</summary>
    private static bool HoldsMedia(ReadOnlySpan<byte> prompt)
    {
        if (prompt.IsEmpty)
            return false;
        var json = new Utf8JsonReader(prompt);
        while (json.Read())
        {
            if (json.TokenType != JsonTokenType.PropertyName)
                continue;
            string name = json.GetString()!;
            bool isType = name == "type";
            json.Read();
            if (isType ? json.TokenType == JsonTokenType.String && IsMedia(json.GetString()!) : json.TokenType != JsonTokenType.Null && IsMedia(name))
                return true;
        }
        return false;
    }

    private static bool IsMedia(string name)
    {
        string kind = name.StartsWith("input_", StringComparison.OrdinalIgnoreCase) ? name["input_".Length..] : name;
        return new[] { "image", "audio", "video", "file" }.Any(media => kind.StartsWith(media, StringComparison.OrdinalIgnoreCase));
    }

    private static bool HasToolsOfTheEngine(ReadOnlySpan<byte> tools)
    {
        if (tools.IsEmpty || tools[0] != '[')
            return false;
        var json = new Utf8JsonReader(tools);
        while (json.Read())
            if (json.TokenType == JsonTokenType.PropertyName && json.CurrentDepth == 2 && json.ValueTextEquals("type"u8)
                && json.Read() && !(json.TokenType == JsonTokenType.String && (json.ValueTextEquals("function"u8) || json.ValueTextEquals("custom"u8))))
                return true;
        return false;
    }

    private static ErrorAnswer NoNumber(string name) => Unbounded($"'{name}' must be a whole number, or left out.", name);

    private static ErrorAnswer Unbounded(string message, string? param) => ErrorAnswer.BadRequest(message, param, "unbounded_request");

    /// <summary>A member of the body: where all of it stands, where its value, and what kind of value.</summary>
    private readonly record struct Member(Range All, Range Value, JsonTokenType Type);
}
