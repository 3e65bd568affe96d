using FleetRouter.EngineSim.Metrics;
using FleetRouter.Simulation.Engine;

namespace FleetRouter.EngineSim.Driving;

/// <summary>
/// Drives one engine model on the wall clock with a single alarm. A step that the alarm finds ended is completed at its
/// planned time, not at the alarm's, so the timer's coarseness delays tokens a little but does not slow the engine.
/// </summary>
internal sealed class EngineLoop : IDisposable
{
    /// <summary>A machine so busy that an engine lags this far (wall time) makes the engine slower in place of bursting.</summary>
    private static readonly TimeSpan LagLimit = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly double _scale;
    private readonly long _started;
    private readonly ITimer _alarm;
    private readonly List<EngineEvent> _events = [];
    private readonly Dictionary<long, Generation> _inFlight = [];
    private readonly List<(Func<EngineModel, bool> Condition, TaskCompletionSource Reached)> _watches = [];
    private TimeSpan _lag;
    private TimeSpan? _next; // Engine time of the step's end, or of the wake-up if no step is in flight.
    private bool _inStep;
    private bool _dead;
    private long _ids;

    public EngineLoop(EngineSimOptions options)
    {
        (_time, _scale) = (options.Time, options.TimeScale);
        Model = new EngineModel(options.Profile, options.Limits);
        Metrics = new EngineMetrics(Model, options);
        _started = _time.GetTimestamp();
        _alarm = _time.CreateTimer(_ => OnAlarm(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Factor by which steps take longer: 1 unless a fault says otherwise.</summary>
    public double Slowness { get; set; } = 1;

    public EngineMetrics Metrics { get; }

    private EngineModel Model { get; }

    /// <summary>Reads the model at a moment when nobody changes it.</summary>
    public T Read<T>(Func<EngineModel, T> read)
    {
        lock (_gate)
            return read(Model);
    }

    /// <summary>Hands a request over; its generation hears of every token.</summary>
    /// <param name="prompt">The prompt's tokens.</param>
    /// <param name="salt">What keeps its cache apart from others.</param>
    /// <param name="answer">What is to be generated.</param>
    /// <param name="wholeOnly">Whether only the end matters to the reader.</param>
    public (Admission Admission, Generation Generation) Submit(
        ReadOnlySpan<uint> prompt, string? salt, AnswerPlan answer, bool wholeOnly)
    {
        var generation = new Generation(Interlocked.Increment(ref _ids), answer, wholeOnly);
        // Hashing a long prompt takes a while; the engine runs on meanwhile.
        var request = EngineRequest.Of(
            generation.Id, prompt, answer.OutputTokens, answer.Synthetic, answer.Start, salt, answer.FixedTokens, generation);
        lock (_gate)
        {
            if (_dead)
            {
                generation.Report(0, 0, GenerationEnd.Lost);
                return (Admission.Accepted, generation);
            }
            var now = Now();
            var admission = Model.Submit(request, now);
            Metrics.OnSubmitted(admission);
            if (admission == Admission.Accepted)
            {
                _inFlight.Add(generation.Id, generation);
                _next ??= now;
                Pump();
            }
            return (admission, generation);
        }
    }

    /// <summary>Gives a generation up, unless it has ended.</summary>
    public void Abort(Generation generation)
    {
        lock (_gate)
        {
            if (_inFlight.Remove(generation.Id))
            {
                Model.Abort(generation.Id);
                Metrics.OnAborted();
            }
            generation.Report(0, generation.CachedTokens, GenerationEnd.Aborted);
            CheckWatches();
        }
    }

    /// <summary>Completes when a condition on the model holds; looked at after every step, submission and abort.</summary>
    public Task When(Func<EngineModel, bool> condition)
    {
        lock (_gate)
        {
            if (condition(Model))
                return Task.CompletedTask;
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _watches.Add((condition, reached));
            return reached.Task;
        }
    }

    /// <summary>The engine dies: what is in flight is lost.</summary>
    public void Dispose()
    {
        _alarm.Dispose();
        lock (_gate)
        {
            _dead = true;
            foreach (var generation in _inFlight.Values)
                generation.Report(0, generation.CachedTokens, GenerationEnd.Lost);
            _inFlight.Clear();
            foreach (var (_, reached) in _watches)
                reached.TrySetException(new InvalidOperationException("the engine crashed while its state was watched"));
            _watches.Clear();
        }
    }

    private TimeSpan Now() => (_time.GetElapsedTime(_started) * _scale) - _lag;

    private void OnAlarm()
    {
        lock (_gate)
        {
            if (!_dead)
                Pump();
        }
    }

    /// <summary>Does all that is due and sets the alarm for what comes next.</summary>
    private void Pump()
    {
        var now = Now();
        while (_next is { } due && due <= now)
        {
            if (now - due > LagLimit * _scale)
            {
                _lag += now - due;
                now = due;
            }
            if (_inStep)
            {
                Model.CompleteStep(due, _events);
                Deliver();
            }
            var plan = Model.BeginStep(due);
            _inStep = !plan.IsIdle;
            _next = _inStep ? due + (plan.Duration * Slowness) : plan.WakeAt;
            Metrics.OnStep(plan);
        }
        CheckWatches();
        if (_next is { } next)
        {
            // The timer counts whole milliseconds and drops the rest, so the rest is rounded up.
            var wait = Math.Ceiling(Math.Max(0, ((next - Now()) / _scale).TotalMilliseconds));
            _alarm.Change(TimeSpan.FromMilliseconds(wait), Timeout.InfiniteTimeSpan);
        }
    }

    private void Deliver()
    {
        for (int i = 0; i < _events.Count; i++)
        {
            var happened = _events[i];
            Metrics.OnEvent(happened);
            if (happened.Kind == EngineEventKind.Preempted)
                continue;
            // A last token and the end that follows it are told together.
            bool ends = happened.Kind == EngineEventKind.Finished;
            if (!ends && i + 1 < _events.Count && _events[i + 1].Request == happened.Request)
                continue;
            var generation = (Generation)happened.Request.Owner!;
            if (ends)
                _inFlight.Remove(generation.Id);
            generation.Report(
                happened.OutputTokens, happened.Times.CachedTokens, ends ? GenerationEnd.Complete : GenerationEnd.Running);
        }
        _events.Clear();
    }

    private void CheckWatches()
    {
        for (int i = _watches.Count - 1; i >= 0; i--)
        {
            if (!_watches[i].Condition(Model))
                continue;
            _watches[i].Reached.TrySetResult();
            _watches.RemoveAt(i);
        }
    }
}
