using System.Text.Json;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Traces;

/// <summary>Reads one line: a main conversation and the sub-agents it waits for.</summary>
internal sealed class ClaudeCodeSession
{
    private readonly TraceLine _line;
    private readonly JsonElement _session;
    private readonly TraceReading _reading;
    private readonly string _name;
    private readonly int _blockTokens;
    private readonly ulong _space;
    private readonly List<TraceRequest> _turns = [];
    private readonly Dictionary<long, BlockRun> _shared = [];

    public ClaudeCodeSession(TraceLine line, JsonElement session, TraceReading reading)
    {
        (_line, _session, _reading) = (line, session, reading);
        _name = line.String(session, "id");
        _blockTokens = line.Count(session, "block_size");
        if (_blockTokens == 0) throw line.Wrong("field 'block_size' must be 1 or more");
        _space = SplitMix64.Key($"claude-code session {_name}");
    }

    public TraceSession Read(TimeSpan start)
    {
        ReadAgents();
        return new TraceSession(start, _turns);
    }

    // The main conversation in order. A sub-agent's `t` is when it ended, so it began `duration_ms` before, with its
    // siblings at the same time; the next main request waits for all of them.
    private void ReadAgents()
    {
        var conversation = new Conversation(_name, SplitMix64.Key("claude-code prefix " + PrefixClass(_session)), PrefixBlocks(_session));
        int? last = null;
        var lastEnd = 0.0;
        var waitsFor = new List<int>();
        var waitsUntil = 0.0;
        foreach (var entry in _line.Array(_session, "requests").EnumerateArray())
        {
            var at = _line.Real(entry, "t");
            if (_line.String(entry, "type") == "subagent")
            {
                var began = at - _line.Real(entry, "duration_ms") / 1000;
                if (ReadSubAgent(entry, last, began - lastEnd) is { } ended) waitsFor.Add(ended);
                waitsUntil = Math.Max(waitsUntil, at);
                continue;
            }
            var api = _line.OptionalReal(entry, "api_time") ?? 0;
            var think = waitsFor.Count > 0 ? at - waitsUntil : _line.OptionalReal(entry, "think_time") ?? at - lastEnd;
            int[] after = last is { } previous ? [previous, .. waitsFor] : [.. waitsFor];
            last = Add(entry, conversation, after, after.Length == 0 ? 0 : think);
            lastEnd = at + api;
            waitsFor.Clear();
            waitsUntil = 0;
        }
        if (_turns.Count == 0) throw _line.Wrong("the session has no request");
    }

    private int? ReadSubAgent(JsonElement agent, int? spawnedAfter, double thinkSeconds)
    {
        var conversation = new Conversation($"{_name}/{_line.String(agent, "agent_id")}",
            SplitMix64.Key("claude-code sub-agent prefix " + PrefixClass(agent)), PrefixBlocks(agent));
        int? last = null;
        foreach (var entry in _line.Array(agent, "requests").EnumerateArray())
        {
            var previous = last ?? spawnedAfter;
            var think = last is null ? thinkSeconds : _line.OptionalReal(entry, "think_time") ?? 0;
            last = Add(entry, conversation, previous is { } index ? [index] : [], think);
        }
        return last;
    }

    private int Add(JsonElement entry, Conversation conversation, int[] after, double thinkSeconds)
    {
        var tokens = _line.Count(entry, "in");
        var runs = new List<BlockRun>();
        var position = 0;
        foreach (var pair in _line.Array(entry, "hash_runs").EnumerateArray())
        {
            if (pair.ValueKind != JsonValueKind.Array || pair.GetArrayLength() != 2
                || pair[0].ValueKind != JsonValueKind.Number || pair[1].ValueKind != JsonValueKind.Number
                || !pair[0].TryGetInt64(out var first) || !pair[1].TryGetInt32(out var count) || count < 1)
                throw _line.Wrong("field 'hash_runs' must hold pairs [first id, count]");
            Append(runs, conversation, first, count, position);
            position += count;
        }
        conversation.FirstRead = true;
        // Ids name full blocks only: what is left over is a text of this request alone.
        var rest = tokens - (long)position * _blockTokens;
        if (rest < 0) throw _line.Wrong($"'in' {tokens} is less than the blocks of hash_runs hold");
        if (rest > 0)
        {
            var tail = SplitMix64.Combine(SplitMix64.Combine(_space, SplitMix64.Key("tail")), (ulong)_turns.Count);
            runs.Add(new BlockRun(tail, 0, (int)((rest + _blockTokens - 1) / _blockTokens)));
        }
        _turns.Add(new TraceRequest(new Release(after, _reading.Think(thinkSeconds)),
            [new PromptMessage("user", new BlockText(_blockTokens, runs, tokens))], Math.Max(1, _line.Count(entry, "out")), conversation.Name));
        return _turns.Count - 1;
    }

    private void Append(List<BlockRun> runs, Conversation conversation, long first, int count, int position)
    {
        // Ids of the class's prefix are taken one by one: they are few, and only they can be renamed.
        for (; count > 0 && (position < conversation.PrefixBlocks || _shared.ContainsKey(first)); first++, count--, position++)
        {
            if (!conversation.FirstRead && position < conversation.PrefixBlocks)
                _shared.TryAdd(first, new BlockRun(conversation.PrefixSpace, position, 1));
            BlockRuns.Add(runs, _shared.GetValueOrDefault(first, new BlockRun(_space, first, 1)));
        }
        if (count > 0) BlockRuns.Add(runs, new BlockRun(_space, first, count));
    }

    private string PrefixClass(JsonElement agent) =>
        agent.TryGetProperty("prefix_class", out var given) && given.ValueKind == JsonValueKind.String
            ? given.GetString()! : $"{_line.Count(agent, "tool_tokens")}-{_line.Count(agent, "system_tokens")}";

    private int PrefixBlocks(JsonElement agent) =>
        (_line.Count(agent, "tool_tokens") + _line.Count(agent, "system_tokens")) / _blockTokens;

    private sealed record Conversation(string Name, ulong PrefixSpace, int PrefixBlocks)
    {
        public bool FirstRead { get; set; }
    }
}
