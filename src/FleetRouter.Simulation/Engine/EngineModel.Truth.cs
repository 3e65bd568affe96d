using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Engine;

/// <summary>What the engine alone knows, told to referees.</summary>
public sealed partial class EngineModel
{
    private readonly List<(int Left, int Blocks)> _ends = [];

    /// <summary>What a request would find here behind <paramref name="before"/>, which have not reached the engine yet.</summary>
    internal Prospect ProspectFor(EngineRequest request, IReadOnlyList<EngineRequest> before)
    {
        double queue = 0;
        int shared = 0, decoding = 0;
        long needed = 0, context = 0;
        foreach (EngineTask task in _running)
        {
            shared = Math.Max(shared, CommonBlocks(task.Request, request));
            int computed = task.Computed + task.Scheduled;
            if (task.Generated == 0)
                queue += Seconds(computed, task.Tokens);
            (decoding, context) = (decoding + 1, context + task.Tokens);
        }
        foreach (EngineTask task in _waiting)
        {
            shared = Math.Max(shared, CommonBlocks(task.Request, request));
            task.Expects ??= Expectation(task, null);
            queue += Seconds(task.Expects.Value.Cached, task.Tokens);
            needed += task.Expects.Value.Blocks;
        }
        foreach (EngineRequest sent in before)
        {
            shared = Math.Max(shared, CommonBlocks(sent, request));
            (int found, int blocks) = Expectation(new EngineTask(sent), null);
            queue += Seconds(found, sent.PromptTokens);
            needed += blocks;
        }
        (int cached, int own) = Expectation(new EngineTask(request), shared);
        return new Prospect(
            Seconds(cached, request.PromptTokens), queue, RoomSeconds(needed + own - _blocks.Free, decoding, context),
            _running.Count + _waiting.Count + before.Count, _blocks.OldestAge / 1000.0);
    }

    /// <summary>Prompt tokens that need not be computed, and free blocks that the prompt takes.</summary>
    private (int Cached, int Blocks) Expectation(EngineTask task, int? sharedBefore)
    {
        int shared = sharedBefore ?? 0;
        if (sharedBefore is null)
        {
            foreach (EngineTask other in _running)
                shared = Math.Max(shared, CommonBlocks(other.Request, task.Request));
            for (LinkedListNode<EngineTask>? ahead = task.Waiting is null ? _waiting.Last : task.Waiting.Previous; ahead is not null; ahead = ahead.Previous)
                shared = Math.Max(shared, CommonBlocks(ahead.Value.Request, task.Request));
        }
        int findable = Findable(task), found = 0, held = 0;
        for (; found < findable; found++)
        {
            ulong hash = task.HashOf(found);
            if (_blocks.TryFind(hash, out int block))
                held += _blocks.IsFree(block) ? 0 : 1;
            else if (_shared?.Has(hash) != true)
                break;
        }
        shared = Math.Min(shared, findable);
        return (Math.Max(found, shared) * BlockHash.BlockSize, BlocksFor(task.Tokens) - Math.Max(held, shared));
    }

    /// <summary>When requests have ended that hold <paramref name="missing"/> blocks, by their true lengths.</summary>
    private double RoomSeconds(long missing, int decoding, long context)
    {
        if (missing <= 0 || _running.Count == 0)
            return 0;
        _ends.Clear();
        foreach (EngineTask task in _running)
            _ends.Add((Math.Max(1, task.Request.OutputTokens - task.Generated), task.Blocks.Count));
        _ends.Sort();
        double step = StepTime.Of(Profile, new StepLoad(0, 0, decoding, context, decoding)).Total;
        foreach ((int left, int blocks) in _ends)
        {
            if ((missing -= blocks) <= 0)
                return left * step;
        }
        return _ends[^1].Left * step;
    }

    /// <summary>Computing a prompt's tokens from <paramref name="done"/> on, without what a step costs whatever is in it.</summary>
    private double Seconds(int done, int tokens)
    {
        double left = Math.Max(0, tokens - done);
        double flops = left * Profile.Model.LinearFlopsPerToken + left * (done + 0.5 * left) * Profile.Model.AttentionFlopsPerPair;
        return flops / (Profile.Gpu.PeakFlops * Profile.TensorParallel * Profile.Gpu.PrefillUtilisation);
    }

    /// <summary>Leading blocks two prompts share: a block's hash tells all before it, so one bisection finds them.</summary>
    private static int CommonBlocks(EngineRequest one, EngineRequest other)
    {
        ulong[] a = one.PromptBlocks, b = other.PromptBlocks;
        int low = 0, high = Math.Min(a.Length, b.Length);
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (a[middle - 1] == b[middle - 1])
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }
}
