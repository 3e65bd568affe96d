using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Engine;

/// <summary>The requests that wait: who may join them, and who gets a place in the batch.</summary>
public sealed partial class EngineModel
{
    /// <summary>The request that found no room last: what it found in the cache is watched rather than looked up at every step.</summary>
    private EngineTask? _refused;

    private Admission Admit(EngineRequest request)
    {
        if (request.PromptTokens == 0 || (long)request.PromptTokens + request.OutputTokens > MaxModelLength)
            return Admission.TooLong;
        if (_waiting.Count >= MaxQueuedRequests)
            return Admission.TooManyRequests;
        return _waiting.Count > 0 && WaitingTokens + request.PromptTokens > MaxQueuedTokens
            ? Admission.TooManyTokens
            : Admission.Accepted;
    }

    private void AdmitWaiting(TimeSpan now, ref int budget)
    {
        while (_waiting.First is { } first && budget > 0 && _running.Count < MaxSequences)
        {
            var task = first.Value;
            if (task.ReadyAt > now || !TryAdmit(task, ref budget))
                return;
            if (!task.WasScheduled)
            {
                task.WasScheduled = true;
                task.Times.FirstScheduled = now;
                task.Times.CachedTokens = task.Computed;
                Counters.PrefixQueries += task.Tokens;
                Counters.PrefixHits += task.Computed;
            }
            Dequeue(task);
            _running.Add(task);
            Schedule(task, task.Scheduled);
        }
    }

    /// <summary>Finds the cached prefix and the blocks for a first chunk; holds both, or nothing if they do not fit.</summary>
    private bool TryAdmit(EngineTask task, ref int budget)
    {
        bool isKnown = task == _refused && _blocks.WatchHolds;
        int idle = isKnown ? _blocks.WatchedFree : FindPrefix(task);
        int found = task.Blocks.Count;
        int computed = found * BlockHash.BlockSize;
        int tokens = Math.Min(task.Tokens - computed, budget);
        if (BlocksFor(computed + tokens) - (found - task.Remote) > _blocks.Free - idle)
        {
            if (!isKnown)
                _blocks.Watch(task.Blocks, idle, found < Findable(task) ? task.HashOf(found) : 0);
            _refused = task;
            return false;
        }
        _refused = null;
        foreach (int block in task.Blocks)
        {
            if (block != EngineTask.Elsewhere)
                _blocks.Hold(block);
        }
        if (task.Remote > 0)
            Bring(task);
        task.Computed = computed;
        task.Published = found;
        task.Scheduled = tokens;
        TryAllocate(task, tokens);
        budget -= tokens;
        return true;
    }

    /// <summary>Lists the blocks of the longest cached prefix, and counts those of them that no request holds.</summary>
    private int FindPrefix(EngineTask task)
    {
        task.Blocks.Clear();
        task.Remote = 0;
        int idle = 0;
        for (int findable = Findable(task); task.Blocks.Count < findable;)
        {
            ulong hash = task.HashOf(task.Blocks.Count);
            if (_blocks.TryFind(hash, out int block))
                idle += _blocks.IsFree(block) ? 1 : 0;
            else if (_shared?.Has(hash) == true)
                (block, task.Remote) = (EngineTask.Elsewhere, task.Remote + 1);
            else
                break;
            task.Blocks.Add(block);
        }
        return idle;
    }

    /// <summary>Gives blocks of this engine to what was found in the shared cache.</summary>
    private void Bring(EngineTask task)
    {
        for (int i = 0; i < task.Blocks.Count; i++)
        {
            if (task.Blocks[i] != EngineTask.Elsewhere)
                continue;
            task.Blocks[i] = _blocks.Take();
            _blocks.Publish(task.Blocks[i], task.HashOf(i));
        }
        task.Remote = 0;
    }

    /// <summary>Blocks that may come from the cache: the last token is computed whatever is there.</summary>
    private static int Findable(EngineTask task) => (task.Tokens - 1) / BlockHash.BlockSize;

    private void Dequeue(EngineTask task)
    {
        _waiting.Remove(task.Waiting!);
        task.Waiting = null;
        WaitingTokens -= task.Request.PromptTokens;
    }
}
