using FleetRouter.Domain.Tenants;

namespace FleetRouter.Domain.Tests.Tenants;

/// <summary>A tenant that spends through several gateways over a network that loses, delays and repeats messages; gateways die with what they hold
/// and start anew, the account's host crashes before and after it wrote, budgets change, windows turn.</summary>
/// <remarks>The books are kept from outside: what is admitted counts in the window that runs by the account's clock at that instant, with all that was
/// reserved until its end tells less.</remarks>
internal sealed class RandomTenantLife
{
    private static readonly TimeSpan Latest = TimeSpan.FromMinutes(5);

    private readonly SplitMix64 _random;
    private readonly TimeSpan _per;
    private readonly bool _isCalm, _writesTooLate;
    private readonly List<Gateway> _gateways = [];
    private readonly SortedList<(TimeSpan At, int Number), Action> _toCome = [];
    private readonly Dictionary<long, long> _spent = [], _most = [];   // by number of the window
    private TokenBudget _budget;
    private TenantAccount _account = TenantAccount.New, _written = TenantAccount.New;
    private TimeSpan _now = TimeSpan.FromDays(20_000);
    private int _numbers;

    /// <param name="seed">The seed.</param>
    /// <param name="writesTooLate">Whether the account is written only after its answer left, as it must not be.</param>
    public RandomTenantLife(ulong seed, bool writesTooLate = false)
    {
        (_random, _writesTooLate) = (new SplitMix64(seed), writesTooLate);
        _isCalm = _random.Chance(0.2);
        _per = TimeSpan.FromSeconds(2 + _random.Below(120));
        _budget = new TokenBudget(1_000 + _random.Below(100_000), _per);
        for (int i = 1 + _random.Below(5); i > 0; i--)
            Start();
    }

    public int Admitted { get; private set; }
    public int Exhausted { get; private set; }
    public int Away { get; private set; }
    public int Deaths { get; private set; }
    public int Repeats { get; private set; }
    public int Windows => _spent.Count;

    /// <summary>Share of the budget spent in the window that was spent most of.</summary>
    public double MostSpent => _spent.Count == 0 ? 0 : _spent.Max(w => (double)w.Value / _most[w.Key]);

    public RandomTenantLife Live(int steps)
    {
        for (int i = 0; i < steps; i++)
        {
            Pass(TimeSpan.FromMilliseconds(_random.Below(_random.Chance(0.02) ? 20_000 : 200)));
            Step();
        }
        return this;
    }

    private void Step()
    {
        Gateway gateway = _random.Pick(_gateways);
        int dice = _random.Below(1_000);
        if (dice < 500)
            Arrive(gateway);
        else if (dice < 850)
            gateway.EndOne(_random);
        else if (dice < 970)
            gateway.Give(new WhilePassed(gateway.Now));
        else if (dice < 980 && !_isCalm)
        {
            gateway.Die();
            _gateways.Remove(gateway);
            Deaths++;
            Start();
        }
        else if (dice < 985 && !_isCalm)
            _account = _written;   // its host died and another reads what was written
        else if (dice < 990 && !_isCalm)
            ChangeBudget();
    }

    private void Start() => _gateways.Add(new Gateway(this, $"g{_numbers++}", TimeSpan.FromSeconds(_random.Below(100_000)) - _now));

    private void Arrive(Gateway gateway) => gateway.Give(new ReservationAsked(gateway.Now, $"r{_numbers++}",
        1 + _random.Below((int)Math.Max(1, _budget.Tokens / (_random.Chance(0.1) ? 1 : 20)))));

    private void ChangeBudget()
    {
        _budget = new TokenBudget(1_000 + _random.Below(100_000), _per);
        foreach (Gateway gateway in _gateways.Where(_ => _random.Chance(0.8)))   // the others hear of it later
            gateway.Give(new BudgetChanged(gateway.Now, _budget));
    }

    /// <summary>Time passes; what comes in it comes in its order.</summary>
    private void Pass(TimeSpan time)
    {
        TimeSpan end = _now + time;
        while (_toCome.Count > 0 && _toCome.Keys[0].At <= end)
        {
            Action next = _toCome.Values[0];
            _now = _toCome.Keys[0].At;
            _toCome.RemoveAt(0);
            next();
        }
        _now = end;
    }

    private void Later(Action happens) => _toCome.Add((_now + Delay(), _numbers++), happens);

    private TimeSpan Delay() => TimeSpan.FromMilliseconds(_isCalm ? 1 + _random.Below(5)
        : _random.Chance(0.05) ? _random.Below((int)Latest.TotalMilliseconds) : _random.Below(400));

    private void Send(Gateway from, AskLease ask)
    {
        if (!_isCalm)
            _toCome.Add((_now + TimeSpan.FromSeconds(1), _numbers++), () => from.Give(new LeaseFailed(from.Now, ask)));   // its patience; too late if it has an answer
        for (int copies = Copies(); copies > 0; copies--)
            Later(() => Ask(from, ask));
    }

    private int Copies()
    {
        int copies = _isCalm ? 1 : _random.Chance(0.1) ? 0 : _random.Chance(0.1) ? 2 + _random.Below(2) : 1;
        Repeats += Math.Max(0, copies - 1);
        return copies;
    }

    private void Ask(Gateway from, AskLease ask)
    {
        (TenantAccount account, LeaseGrant grant) = _account.Answer(ask.Ask, _now);
        if (!_isCalm && _random.Chance(0.03))
        {
            _account = _written;   // the host dies before it wrote: nobody gets an answer
            return;
        }
        _account = account;
        if (!_writesTooLate)
            _written = account;
        else
            Later(() => _written = account);
        long window = Window();
        _most[window] = Math.Max(_most.GetValueOrDefault(window), ask.Ask.Budget.Tokens);
        for (int copies = Copies(); copies > 0; copies--)
            Later(() => from.Give(new LeaseAnswered(from.Now, ask, grant)));
    }

    private long Window() => _now.Ticks / _per.Ticks;

    private void Spend(long window, long tokens)
    {
        long spent = _spent[window] = _spent.GetValueOrDefault(window) + tokens;
        Assert.True(spent <= _most.GetValueOrDefault(window), $"window {window}: {spent} tokens spent of {_most.GetValueOrDefault(window)}");
    }

    /// <summary>One life of a gateway, on a clock of its own.</summary>
    private sealed class Gateway(RandomTenantLife life, string name, TimeSpan offset)
    {
        private readonly TenantLedger _ledger = new("tenant", name, life._budget);
        private readonly List<LedgerEffect> _effects = [];
        private readonly Dictionary<string, long> _asked = new(StringComparer.Ordinal);
        private readonly List<(string Id, long Window, long Tokens)> _running = [];
        private bool _isDead;

        public TimeSpan Now => life._now + offset;

        public void Die() => _isDead = true;

        public void Give(LedgerEvent happened)
        {
            if (_isDead)
                return;
            if (happened is ReservationAsked asked)
                _asked.Add(asked.Id, asked.Tokens);
            int from = _effects.Count;
            _ledger.Handle(happened, _effects);
            List<LedgerEffect> new_ = _effects[from..];
            _effects.Clear();
            new_.ForEach(Do);
        }

        private void Do(LedgerEffect effect)
        {
            switch (effect)
            {
                case AskLease e:
                    life.Send(this, e);
                    break;
                case Reserved e:
                    Assert.True(_asked.Remove(e.Id, out long tokens), "reserved twice, or not asked for");
                    long window = life.Window();
                    _running.Add((e.Id, window, tokens));
                    life.Admitted++;
                    life.Spend(window, tokens);
                    break;
                case Denied e:
                    Assert.True(_asked.Remove(e.Id), "denied twice, or not asked for");
                    life.Exhausted += e.Reason == DenialReason.Exhausted ? 1 : 0;
                    life.Away += e.Reason == DenialReason.AccountAway ? 1 : 0;
                    break;
            }
        }

        public void EndOne(SplitMix64 random)
        {
            if (_asked.Count > 0 && random.Chance(0.2))
            {
                string left = _asked.Keys.Order(StringComparer.Ordinal).First();   // its client leaves while it waits
                _asked.Remove(left);
                Give(new ReservationSettled(Now, left, 0));
                return;
            }
            if (_running.Count == 0)
                return;
            int at = random.Below(_running.Count);
            (string id, long window, long tokens) = _running[at];
            _running.RemoveAt(at);
            long? spent = random.Chance(0.1) ? null : random.Chance(0.3) ? tokens : random.Below((int)tokens + 1);
            life.Spend(window, (spent ?? tokens) - tokens);
            Give(new ReservationSettled(Now, id, spent));
        }
    }
}
