using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Threading.Channels;
using FleetRouter.LoadGen.Client;
using FleetRouter.LoadGen.Measures;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.LoadGen.Replay;

/// <summary>
/// Drives a schedule by the wall clock: every request is sent at its instant whatever became of the others. One loop
/// takes what is due and hands it to the thread pool; ends come back to the schedule under its lock and wake the loop.
/// </summary>
internal sealed class Replayer : IDisposable
{
    /// <summary>What a chat template may add to each message, with room to spare.</summary>
    private const int TemplateTokens = 16;

    private readonly ReplaySettings _settings;
    private readonly IReadOnlyList<TraceSession> _sessions;
    private readonly RequestSchedule _schedule;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly Dictionary<(int Session, int Turn), string> _answers = [];
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly string _runId = Guid.NewGuid().ToString("N")[..12];
    private volatile ExceptionDispatchInfo? _broken;
    private RunClock? _clock;
    private StreamingClient? _client;

    public Replayer(ReplaySettings settings, IReadOnlyList<TraceSession> sessions, TimeProvider time)
    {
        (_settings, _sessions, _time) = (settings, sessions, time);
        _schedule = new RequestSchedule(sessions, settings.Speed);
        Run = new ReplayRun { Total = _schedule.Remaining };
    }

    /// <summary>What is measured; may be read while the replay goes on.</summary>
    public ReplayRun Run { get; }

    /// <summary>Replays to the end, or until <paramref name="stop"/>: then what is in flight is given up.</summary>
    public async Task<ReplayRun> Replay(CancellationToken stop)
    {
        _clock = new RunClock(_time);
        _client = new StreamingClient(_settings.Target, _settings.Endpoint, _settings.ApiKey, _settings.Timeout, Run.Gaps, _clock);
        await _client.WarmUp(stop).ConfigureAwait(false);
        _clock.Restart();
        var inFlight = 0;
        var allEnded = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var alarm = _time.CreateTimer(_ => _wake.Writer.TryWrite(true), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        try
        {
            while (TakeDue(out var due, out var wait))
            {
                if (stop.IsCancellationRequested || _broken is not null) break;
                if (due is { } request)
                {
                    if (Skip(request)) continue;
                    Interlocked.Increment(ref inFlight);
                    Run.CountSent();
                    ThreadPool.UnsafeQueueUserWorkItem(_ => _ = Serve(request), null);
                    continue;
                }
                if (wait is { } until) alarm.Change(until, Timeout.InfiniteTimeSpan);
                await _wake.Reader.ReadAsync(stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested) { }
        // The loop itself counts as one, so that the last end and the loop's cannot miss each other.
        if (Interlocked.Decrement(ref inFlight) >= 0) await allEnded.Task.ConfigureAwait(false);
        _broken?.Throw();
        Run.Interrupted = stop.IsCancellationRequested && (!Exhausted || Run.Records.Any(record => record.Unfinished));
        Run.Duration = _clock.Now;
        return Run;

        async Task Serve(DueRequest due)
        {
            try { await Send(due, stop).ConfigureAwait(false); }
            catch (Exception wrong) { _broken = ExceptionDispatchInfo.Capture(wrong); }
            if (Interlocked.Decrement(ref inFlight) < 0) allEnded.SetResult();
            _wake.Writer.TryWrite(true);
        }
    }

    private bool Exhausted { get { lock (_lock) return _schedule.Remaining == 0; } }

    // False once nothing is left; else a due request, or how long to wait (null: until something ends).
    private bool TakeDue(out DueRequest? due, out TimeSpan? wait)
    {
        (due, wait) = (null, null);
        lock (_lock)
        {
            if (_schedule.Remaining == 0) return false;
            var now = _clock!.Now;
            if (_schedule.TryTake(now, out var taken)) due = taken;
            // Timers tick in milliseconds: rounding up wakes once, a fraction late, instead of spinning.
            else if (_schedule.NextDue is { } next) wait = TimeSpan.FromMilliseconds(Math.Ceiling(Math.Min((next - now).TotalMilliseconds, 3_600_000)));
            return true;
        }
    }

    private bool Skip(DueRequest due)
    {
        var longest = _settings.MaxInputTokens ?? int.MaxValue;
        var tooLong = due.Request.PromptTokens > longest
            || due.Request.PromptTokens + OutputTokens(due.Request) + TemplateTokens * (due.Request.Prompt.Count + 1) > _settings.Target.LongestSequence;
        if (!tooLong) return false;
        Run.CountSkipped(ReplayRun.TooLong);
        lock (_lock)
        {
            // What repeats this answer cannot be sent without it; what does not goes on as if it had been instant.
            if (IsRepeated(due)) Run.CountSkipped(ReplayRun.AfterTooLong, _schedule.Failed(due));
            else _schedule.Ended(due, due.Scheduled, due.Scheduled);
        }
        return true;
    }

    private async Task Send(DueRequest due, CancellationToken stop)
    {
        var record = new RequestRecord { Scheduled = due.Scheduled };
        var outputTokens = OutputTokens(due.Request);
        var keep = IsRepeated(due);
        var check = AnswerCheck.CanCheck(_settings.Target.Model);
        var body = RequestBody.Write(_settings.Endpoint, _settings.Target.Model, due.Request.Prompt, outputTokens, _settings.Seed, turn => AnswerOf(due.Session, turn));
        var id = string.Create(CultureInfo.InvariantCulture, $"replay-{_runId}-{due.Session}-{due.Turn}");
        var answer = await _client!.Send(new StreamedCall(body, outputTokens, id, due.Request.Conversation, keep || check), record, stop).ConfigureAwait(false);
        if (check && record.Completed && !AnswerCheck.IsRight(_settings.Endpoint, body, answer!)) record.Failure = "wrong_text";
        Run.Add(record);
        lock (_lock)
        {
            if (keep) _answers[(due.Session, due.Turn)] = answer ?? "";
            if (record.Completed) _schedule.Ended(due, record.Sent, record.End);
            else
            {
                var followers = _schedule.Failed(due);
                if (!record.Unfinished) Run.CountAbandoned(followers);
            }
            var turns = _sessions[due.Session].Turns.Count;
            if (due.Turn == turns - 1 || !record.Completed)
                for (var turn = 0; turn < turns; turn++) _answers.Remove((due.Session, turn));
        }
    }

    private int OutputTokens(TraceRequest request) => Math.Min(request.OutputTokens, _settings.MaxOutput ?? int.MaxValue);

    private string AnswerOf(int session, int turn)
    {
        lock (_lock) return _answers[(session, turn)];
    }

    private bool IsRepeated(DueRequest due)
    {
        var turns = _sessions[due.Session].Turns;
        // Conversations grow: what repeats an answer at all repeats it in the turn right after.
        return due.Turn + 1 < turns.Count && turns[due.Turn + 1].Prompt.Any(message => message.Text is AnswerText answer && answer.Turn == due.Turn);
    }

    public void Dispose() => _client?.Dispose();
}
