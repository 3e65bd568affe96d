using System.Globalization;
using System.Text;
using System.Text.Json;
using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Gateway.Resuming;
using FleetRouter.Hosting.Ports;
using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.Responses;

/// <summary>A page of what was asked in one turn, as <c>/v1/responses/{id}/input_items</c> lists it: each item as the client wrote it, with an id and a
/// type where the client gave none, and a text alone as the part that stands for it.</summary>
/// <param name="Limit">Most items of a page.</param>
/// <param name="IsAscending">Whether the first item asked comes first.</param>
/// <param name="After">The id of the item before the page; null for the first page.</param>
internal readonly record struct InputItems(int Limit, bool IsAscending, string? After)
{
    private const int DefaultLimit = 20, MostLimit = 100;

    /// <summary>Reads which page is wanted.</summary>
    public static bool TryRead(IQueryCollection query, out InputItems wanted, out ErrorAnswer? error)
    {
        wanted = default;
        error = null;
        int limit = DefaultLimit;
        if (query["limit"] is [{ } most, ..] && (!int.TryParse(most, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MostLimit))
            error = ErrorAnswer.BadRequest($"'limit' must be a number from 1 to {MostLimit}.", "limit");
        string order = query["order"] is [{ } said, ..] ? said : "desc";
        if (order is not ("asc" or "desc"))
            error = ErrorAnswer.BadRequest("'order' must be asc or desc.", "order");
        wanted = new InputItems(limit, order == "asc", query["after"] is [{ Length: > 0 } after, ..] ? after : null);
        return error is null;
    }

    /// <summary>Writes the page.</summary>
    public bool TryWrite(StoredResponse turn, PooledBytes to, out ErrorAnswer? error)
    {
        error = null;
        List<(string Id, byte[] Json)> items = Read(turn);
        if (!IsAscending)
            items.Reverse();
        string? after = After;
        int from = after is null ? 0 : items.FindIndex(item => item.Id == after) + 1;
        if (after is not null && from == 0)
        {
            error = ErrorAnswer.BadRequest("'after' names no input item of this response.", "after");
            return false;
        }
        List<(string Id, byte[] Json)> page = items.GetRange(from, Math.Min(Limit, items.Count - from));
        to.Append("{\"object\":\"list\",\"data\":["u8);
        for (int i = 0; i < page.Count; i++)
        {
            to.Append(i > 0 ? ","u8 : ""u8);
            to.Append(page[i].Json);
        }
        bool hasMore = from + page.Count < items.Count;
        to.Append(Encoding.UTF8.GetBytes($"],\"first_id\":{Quoted(page.FirstOrDefault().Id)},\"last_id\":{Quoted(page.LastOrDefault().Id)},\"has_more\":{(hasMore ? "true" : "false")}}}"));
        return true;
    }

    private static string Quoted(string? text) => JsonSerializer.Serialize(text);

    private static List<(string Id, byte[] Json)> Read(StoredResponse turn)
    {
        var items = new List<(string, byte[])>();
        var json = new Utf8JsonReader(turn.Input.Span);
        json.Read();
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            int start = (int)json.TokenStartIndex;
            bool isObject = json.TokenType == JsonTokenType.StartObject;
            json.Skip();
            if (isObject)
                items.Add(Complete(turn.Input.Span[start..(int)json.BytesConsumed], $"{turn.Id["resp_".Length..]}_{items.Count}"));
        }
        return items;
    }

    private static (string Id, byte[] Json) Complete(ReadOnlySpan<byte> item, string ownName)
    {
        string? id = null, type = null;
        bool isAssistants = false;
        Range content = default;
        var json = new Utf8JsonReader(item);
        json.Read();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            bool isId = json.ValueTextEquals("id"u8), isType = json.ValueTextEquals("type"u8), isRole = json.ValueTextEquals("role"u8), isContent = json.ValueTextEquals("content"u8);
            Range value = RequestReader.Value(ref json);
            if (json.TokenType != JsonTokenType.String)
                continue;
            if (isId)
                id = json.GetString();
            else if (isType)
                type = json.GetString();
            else if (isRole)
                isAssistants = json.ValueTextEquals("assistant"u8);
            else if (isContent)
                content = value;
        }
        using var whole = new PooledBytes();
        whole.Append("{"u8);
        if (id is null)
            whole.Append(Encoding.UTF8.GetBytes($"\"id\":\"{id = Prefix(type) + ownName}\","));
        if (type is null)
            whole.Append("\"type\":\"message\","u8);
        if (type is null or "message" && !AnswerSoFar.IsEmpty(content))
        {
            whole.Append(item[1..content.Start.Value]);
            whole.Append(isAssistants ? "[{\"type\":\"output_text\",\"annotations\":[],\"text\":"u8 : "[{\"type\":\"input_text\",\"text\":"u8);
            whole.Append(item[content]);
            whole.Append("}]"u8);
            whole.Append(item[content.End.Value..]);
        }
        else
        {
            whole.Append(item[1..]);
        }
        return (id, whole.Span.ToArray());
    }

    /// <summary>How OpenAI's ids of such items begin.</summary>
    private static string Prefix(string? type) => type switch
    {
        null or "message" => "msg_",
        "function_call" => "fc_",
        "function_call_output" => "fco_",
        "reasoning" => "rs_",
        _ => "item_",
    };
}
