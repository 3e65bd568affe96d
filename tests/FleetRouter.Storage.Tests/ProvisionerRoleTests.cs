using System.Diagnostics.Metrics;
using System.Threading.Channels;
using FleetRouter.Storage.Provisioning;

namespace FleetRouter.Storage.Tests;

public sealed class ProvisionerRoleTests(SharedServer server) : IAsyncLifetime
{
    private readonly Meter _meter = new("test");
    private readonly LogLines _logs = new();
    private readonly Channel<(Candidate Who, bool Holds, bool AnotherHolds)> _turns = Channel.CreateUnbounded<(Candidate, bool, bool)>();
    private readonly List<Candidate> _candidates = [];
    private DatabaseAddress _address = null!;
    private Database _database = null!;

    public async ValueTask InitializeAsync()
    {
        _address = await server.NewDatabaseAsync();
        _database = new Database(new DatabaseOptions { Address = _address }, _logs);
        await _database.OpenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Candidate candidate in _candidates)
            await candidate.Role.DisposeAsync();
        if (_database is not null)
            await _database.DisposeAsync();
        _meter.Dispose();
    }

    private Candidate Join()
    {
        var time = new FreezableTime();
        var candidate = new Candidate(new ProvisionerRole(_database, _meter, _logs, time), time);
        _candidates.Add(candidate);
        candidate.Role.Turned += holds => _turns.Writer.TryWrite((candidate, holds, _candidates.Any(other => other != candidate && other.Role.IsHeld)));
        return candidate;
    }

    /// <summary>Who has the role from now on; nobody else has it at that instant.</summary>
    private async Task<Candidate> NextHolderAsync()
    {
        while (true)
        {
            (Candidate who, bool holds, bool another) = await NextTurnAsync();
            Assert.False(holds && another, "the role is held twice");
            if (holds)
                return who;
        }
    }

    private async Task<(Candidate Who, bool Holds, bool AnotherHolds)> NextTurnAsync()
    {
        using var late = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        return await _turns.Reader.ReadAsync(late.Token);
    }

    private async Task<(Candidate Holder, Candidate Other)> TwoCandidatesAsync()
    {
        Candidate first = Join(), second = Join();
        Candidate holder = await NextHolderAsync();
        return (holder, holder == first ? second : first);
    }

    [Fact]
    public async Task One_holds_the_role_and_passes_it_on_when_it_leaves()
    {
        (Candidate holder, Candidate other) = await TwoCandidatesAsync();
        Assert.True(holder.Role.IsHeld);
        Assert.False(other.Role.IsHeld);
        await holder.Role.DisposeAsync();
        Assert.False(holder.Role.IsHeld);
        Assert.Equal(other, await NextHolderAsync());
        Assert.Contains("the gateway stops", await _logs.LineAsync(41));
    }

    [Fact]
    public async Task A_holder_whose_session_is_ended_gives_the_role_up_before_another_has_it()
    {
        (Candidate holder, _) = await TwoCandidatesAsync();
        await PostgresServer.ExecuteAsync(_address, $"select pg_terminate_backend({holder.Role.ServerProcess})");
        Candidate next = await NextHolderAsync();
        Assert.True(next.Role.IsHeld);
        Assert.Single(_candidates, c => c.Role.IsHeld);
    }

    [Fact]
    public async Task A_frozen_gateway_loses_the_role_to_another()
    {
        (Candidate holder, Candidate other) = await TwoCandidatesAsync();
        holder.Time.Freeze();
        Assert.Equal(other, await NextHolderAsync());
        Assert.False(holder.Role.IsHeld);
        holder.Time.Thaw();
        (Candidate late, bool holds, _) = await NextTurnAsync();
        Assert.Equal((holder, false), (late, holds));   // it learns what it had to know already
        Assert.True(other.Role.IsHeld);
    }

    [Fact]
    public async Task A_holder_that_gets_no_answer_gives_the_role_up_though_its_lock_is_held()
    {
        (Candidate holder, _) = await TwoCandidatesAsync();
        int process = holder.Role.ServerProcess;
        PostgresServer.Signal(process, PosixSignalNumber.Stop);
        try
        {
            (Candidate who, bool holds, _) = await NextTurnAsync();
            Assert.Equal((holder, false), (who, holds));
            Assert.DoesNotContain(_candidates, c => c.Role.IsHeld);
        }
        finally
        {
            PostgresServer.Signal(process, PosixSignalNumber.Continue);
        }
        await NextHolderAsync();
        Assert.Single(_candidates, c => c.Role.IsHeld);
    }

    [Fact]
    public async Task Every_turn_is_written_before_it_is_believed_in_and_none_overlaps_another()
    {
        (Candidate holder, Candidate other) = await TwoCandidatesAsync();
        Assert.Equal(1L, await PostgresServer.ExecuteAsync(_address, "select count(*) from fleetrouter.provisioner_turns where held_until > clock_timestamp()"));
        await PostgresServer.ExecuteAsync(_address, $"select pg_terminate_backend({holder.Role.ServerProcess})");
        Candidate second = await NextHolderAsync();
        second.Time.Freeze();
        await NextHolderAsync();
        Assert.Equal("3 turns, 0 overlapping", await PostgresServer.ExecuteAsync(_address, """
            select count(*) || ' turns, ' || count(*) filter (where taken_at < before) || ' overlapping' from
                (select taken_at, max(held_until) over (order by taken_at rows between unbounded preceding and 1 preceding) as before from fleetrouter.provisioner_turns) turns
            """));
        second.Time.Thaw();
    }

    [Fact]
    public void The_times_keep_their_order()
    {
        Assert.True(ProvisionerRole.Heartbeat * 2 <= ProvisionerRole.Belief, "one late heartbeat loses no role");
        Assert.True(ProvisionerRole.Belief < ProvisionerRole.Idle, "who is silent ceases to believe before its lock falls free");
        Assert.True(ProvisionerRole.Belief < ProvisionerRole.Delay, "who gets the lock waits until nobody else can believe");
        Assert.True(ProvisionerRole.Idle + ProvisionerRole.Heartbeat + ProvisionerRole.Delay < TimeSpan.FromSeconds(5), "the role moves within 5 s");
    }

    private sealed record Candidate(ProvisionerRole Role, FreezableTime Time);
}

/// <summary>The system's time, whose timers can be made to ring only later: what a stopped process sees.</summary>
internal sealed class FreezableTime : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<Action> _held = [];
    private bool _frozen;

    public void Freeze()
    {
        lock (_gate)
            _frozen = true;
    }

    public void Thaw()
    {
        lock (_gate)
            _frozen = false;
        foreach (Action ring in _held)
            ring();
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => base.CreateTimer(_ =>
    {
        lock (_gate)
            if (_frozen)
            {
                _held.Add(() => callback(state));
                return;
            }
        callback(state);
    }, null, dueTime, period);
}
