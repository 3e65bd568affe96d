using System.Net;
using System.Runtime.ExceptionServices;
using FleetRouter.Domain.Fleet;
using FleetRouter.Gateway.Forwarding;
using FleetRouter.Gateway.Resuming;

namespace FleetRouter.Gateway.Hedging;

/// <summary>A call of an engine on its way to a first token.</summary>
internal sealed class BegunCall
{
    private readonly CancellationTokenSource _ends;

    /// <summary>Calls.</summary>
    /// <param name="send">Sends the request.</param>
    /// <param name="patience">Longest wait for the first token once the engine has accepted the request; zero for any.</param>
    /// <param name="isSecond">Whether only a stream is of use, and the wait for the engine's word is bounded too.</param>
    /// <param name="cancellation">Ends it.</param>
    public BegunCall(Func<CancellationToken, Task<HttpResponseMessage>> send, TimeSpan patience, bool isSecond, CancellationToken cancellation)
    {
        _ends = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Begun = BeginAsync(send, patience, isSecond);
    }

    /// <summary>Ends with the first token, with an answer that has none, or with what went wrong. Fails only if it was cancelled.</summary>
    public Task<Beginning> Begun { get; }

    /// <summary>Cancels it: the engine's connection is dropped.</summary>
    public async Task LetGoAsync()
    {
        await _ends.CancelAsync();
        try
        {
            (await Begun).Response?.Dispose();
        }
        catch (OperationCanceledException)
        {
            // As it should.
        }
        _ends.Dispose();
    }

    private async Task<Beginning> BeginAsync(Func<CancellationToken, Task<HttpResponseMessage>> send, TimeSpan patience, bool isSecond)
    {
        CancellationToken ends = _ends.Token;
        HttpResponseMessage? response = null;
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ends);
        if (isSecond && patience > TimeSpan.Zero)
            late.CancelAfter(patience);
        try
        {
            response = await send(late.Token);
            Beginning begun = await BeginAsync(response, patience, isSecond, ends);
            response = null;   // its reader's from here on
            return begun;
        }
        catch (OperationCanceledException e) when (!ends.IsCancellationRequested)
        {
            return new Beginning(null, AttemptFailure.Stalled, $"no word for {patience.TotalSeconds:0.#} s", e);
        }
        catch (Exception e) when (ConnectionLoss.Is(e))
        {
            ends.ThrowIfCancellationRequested();
            return new Beginning(null, AttemptFailure.Unreachable, e.Message.ReplaceLineEndings(" "), e);
        }
        finally
        {
            response?.Dispose();
        }
    }

    private static async Task<Beginning> BeginAsync(HttpResponseMessage response, TimeSpan patience, bool isSecond, CancellationToken ends)
    {
        int status = (int)response.StatusCode;
        if (response.StatusCode == HttpStatusCode.ServiceUnavailable)
            return new Beginning(response, AttemptFailure.EngineBusy, "503", null);
        bool streams = response.Content.Headers.ContentType?.MediaType == "text/event-stream";
        if (status >= 500 || isSecond && (status != 200 || !streams))
            return new Beginning(response, AttemptFailure.Broke, $"answered {status}", null);
        if (!streams)
            return new Beginning(response, null, "", null);
        var stream = new BegunStream(await response.Content.ReadAsStreamAsync(ends));
        response.Content = PassingContent.InPlaceOf(response.Content, stream);
        Exception? trouble = await stream.UntilFirstTokenAsync(patience, ends);
        return trouble is null ? new Beginning(response, null, "", null)
            : trouble is SilenceException ? new Beginning(response, AttemptFailure.Stalled, $"no token for {patience.TotalSeconds:0.#} s", null)
            : new Beginning(response, AttemptFailure.Broke, trouble.Message.ReplaceLineEndings(" "), null);
    }
}

/// <summary>How a call began.</summary>
/// <param name="Response">The engine's answer, from its beginning; null without one.</param>
/// <param name="Failure">Why there is no first token; null if there is, or if the answer is of a kind that has none.</param>
/// <param name="Trouble">The same in words.</param>
/// <param name="Error">Why there is no answer at all.</param>
internal sealed record Beginning(HttpResponseMessage? Response, AttemptFailure? Failure, string Trouble, Exception? Error)
{
    /// <summary>The answer, for who would have had it without anybody looking.</summary>
    public HttpResponseMessage Take()
    {
        if (Response is null)
            ExceptionDispatchInfo.Throw(Error!);
        return Response;
    }
}
