namespace FleetRouter.Orleans;

/// <summary>Sends messages in batches, in order and one batch under way at a time: while one is out the next gathers. Messages come from any thread.</summary>
/// <param name="send">Sends a batch; must not throw.</param>
internal sealed class Outbox<T>(Func<IReadOnlyList<T>, Task> send)
{
    private readonly Lock _gate = new();
    private List<T> _waiting = [];
    private bool _isSending;

    /// <summary>Leaves a message.</summary>
    public void Post(T message)
    {
        lock (_gate)
        {
            _waiting.Add(message);
            if (_isSending)
                return;
            _isSending = true;
        }
        _ = Task.Run(SendAsync);
    }

    private async Task SendAsync()
    {
        while (true)
        {
            List<T> batch;
            lock (_gate)
            {
                if (_waiting.Count == 0)
                {
                    _isSending = false;
                    return;
                }
                (batch, _waiting) = (_waiting, []);
            }
            await send(batch);
        }
    }
}
