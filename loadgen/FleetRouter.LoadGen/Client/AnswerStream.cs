using System.Text;
using FleetRouter.LoadGen.Measures;

namespace FleetRouter.LoadGen.Client;

/// <summary>Reads one streamed answer to its [DONE] and notes when its tokens came.</summary>
internal sealed class AnswerStream(RequestRecord record, StringBuilder? answer, GapHistogram gaps, RunClock clock)
{
    private readonly SseReader _events = new();
    private bool _done;

    public async Task Read(HttpContent content, int maxTokens, CancellationToken stop)
    {
        record.HeaderSeen = true;
        var stream = await content.ReadAsStreamAsync(stop).ConfigureAwait(false);
        while (await stream.ReadAsync(_events.Free, stop).ConfigureAwait(false) is > 0 and var read)
        {
            _events.Filled(read);
            // After [DONE] the rest is read to its end only so that the connection can be used again.
            if (!_done) Take(clock.Now);
        }
        if (record.Failure is not null) return;
        if (!_done) record.Failure = "cut";
        else if (record.CompletionTokens is { } tokens && tokens != maxTokens) record.Failure = "wrong_length";
        else if (record.FirstToken is null) record.Failure = "empty";
    }

    private void Take(TimeSpan now)
    {
        while (_events.TryRead(out var data, out var name))
        {
            if (data.SequenceEqual("[DONE]"u8))
            {
                _done = true;
                record.End = now;
                return;
            }
            var chunk = AnswerChunk.Read(data, answer);
            if (chunk.Error is not null || name.SequenceEqual("error"u8))
            {
                record.Failure ??= $"stream_error {chunk.Error ?? "unnamed"}";
                continue;
            }
            if (chunk.HasText) Token(now);
            record.PromptTokens = chunk.PromptTokens ?? record.PromptTokens;
            record.CachedTokens = chunk.CachedTokens ?? record.CachedTokens;
            record.CompletionTokens = chunk.CompletionTokens ?? record.CompletionTokens;
        }
    }

    private void Token(TimeSpan now)
    {
        if (record.FirstToken is null) record.FirstToken = now;
        else gaps.Add(now - record.LastToken);
        record.LastToken = now;
        record.TextChunks++;
    }
}
