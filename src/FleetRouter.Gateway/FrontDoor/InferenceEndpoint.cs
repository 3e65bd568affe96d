using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.Budgets;
using FleetRouter.Gateway.Fleet;
using FleetRouter.Gateway.Forwarding;
using FleetRouter.Gateway.Responses;
using FleetRouter.Gateway.Resuming;
using FleetRouter.Hosting;
using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.FrontDoor;

/// <summary>A request that names a model, from its body to the end of its answer.</summary>
/// <remarks>
/// 1 the body is read once and its prompt's blocks hashed → 2 the model names the pool; a tenant's budget pays in advance → 3 the pool answers with an
/// instance, holds the request, or refuses it → 4 YARP carries it there and the answer back, watched as it passes →
/// 5 an engine that is busy or out of reach before its first byte leads back to 3 → 6 the end frees the lease,
/// and what was not spent goes back.
/// </remarks>
internal sealed class InferenceEndpoint(
    FleetHost fleet, EngineForwarder forwarder, TenantBudgets budgets, Turns turns, SharedHomes homes, RequestTelemetry telemetry, ResumeTelemetry resumes, TimeProvider time)
{
    private static ReadOnlySpan<byte> UsageWish => "\"stream_options\":{\"include_usage\":true},"u8;
    private static ReadOnlySpan<byte> TokenIdsWish => "\"return_token_ids\":true,"u8;
    private static ReadOnlySpan<byte> StreamWish => "\"stream\":true,"u8;

    public async Task HandleAsync(HttpContext context, ApiKind api, bool keysAreOurs, Client client)
    {
        long arrivedAt = time.GetTimestamp();
        telemetry.Began();
        var end = new Ending();
        try
        {
            await ServeAsync(context, api, keysAreOurs, client, arrivedAt, end);
        }
        finally
        {
            end.Settle(context.Response.StatusCode);   // where it did not come so far as to be placed
            telemetry.Ended(end.Pool, end.Outcome, context.Response.StatusCode, time.GetElapsedTime(arrivedAt), end.FirstToken, end.Usage);
        }
    }

    private async Task ServeAsync(HttpContext context, ApiKind api, bool keysAreOurs, Client client, long arrivedAt, Ending end)
    {
        using RequestBody body = await RequestBody.ReadAsync(context.Request, context.RequestAborted);
        long readAt = time.GetTimestamp();
        (ResponseTurn? turn, ErrorAnswer? error) = api == ApiKind.Response ? await turns.BeginAsync(body, client.Owner, context.RequestAborted) : default;
        RequestFacts? facts = error is null ? FactsOf(context.Request, api, body, out error) : null;
        if (facts is null)
        {
            end.Outcome = error!.Status == StatusCodes.Status503ServiceUnavailable ? error.Code! : "bad-request";
            await error.WriteAsync(context);
            return;
        }
        HostedPool? pool = fleet.PoolFor(facts.Model, out Refusal? refusal);
        if (pool is null)
        {
            end.Outcome = refusal!.Reason;
            await ErrorAnswer.Of(refusal).WriteAsync(context);
            return;
        }
        end.Pool = pool.Section.Options.Name;
        if (client.Tenant is { } tenant)
        {
            long askedAt = time.GetTimestamp();
            facts = await PayAsync(context, tenant, body, facts, api, pool.Section.TemplateTokens, end);
            if (facts is null)
                return;
            readAt += time.GetTimestamp() - askedAt;   // waiting for a budget is not being placed
        }
        bool isWhole = pool.Section.Resume && CanStreamToItself(facts);
        bool hidesUsage = facts.Stream && !facts.AsksForUsage && api is ApiKind.Chat or ApiKind.Completion;
        bool isResumable = pool.Section.Resume && facts.Terms.Obstacle is null && (facts.Stream || isWhole);
        AddWishes(body, facts, hidesUsage || isWhole, isResumable, isWhole);
        bool canHedge = pool.Host.Options.HedgeBudget > 0 && api is ApiKind.Chat or ApiKind.Completion && (facts.Stream || isWhole);
        Resumption? elsewhere = isResumable || canHedge ? new Resumption(forwarder.Calls, body, context.Request.Path.Value!, new CarryOverWish(), resumes) : null;

        PlacementRequest request = Describe(context.Request, api, facts, turn) with { CanMove = isResumable, CanHedge = canHedge };
        Attempt? attempt = null;
        RequestEnd requestEnd = RequestEnd.Failed;
        try
        {
            request = request with { Home = await homes.FindAsync(end.Pool, request.SessionId, context.RequestAborted) };
            Placement placement = await pool.Host.PlaceAsync(request, context.RequestAborted, elsewhere is null ? null : elsewhere.Wish.Ask);
            telemetry.Placed(time.GetElapsedTime(readAt));
            while (placement.Refusal is null)
            {
                end.IsAsked = true;
                attempt = new Attempt(pool.Host, request, placement, time, arrivedAt)
                {
                    Terms = isWhole ? facts.Terms with { WantsUsage = true } : facts.Terms,
                    Resumption = isResumable ? elsewhere : null,
                    Hedging = canHedge ? elsewhere : null,
                    IsWhole = isWhole,
                    HidesUsage = hidesUsage,
                    EngineApiKey = pool.EngineApiKey,
                    DropsClientKey = keysAreOurs,
                    Turn = turn,
                };
                (AttemptOutcome outcome, string trouble) = await forwarder.TryAsync(context, body, attempt);
                end.Outcome = KebabNames.Of(outcome);
                // A stream that went on by itself until its time was up has been tried elsewhere.
                bool isSilent = outcome == AttemptOutcome.TimedOut && !attempt.GoesOn;
                if (isSilent || outcome is AttemptOutcome.EngineBusy or AttemptOutcome.Unreachable)
                {
                    AttemptFailure failure = outcome == AttemptOutcome.EngineBusy ? AttemptFailure.EngineBusy : AttemptFailure.Unreachable;
                    placement = await pool.Host.RetryAsync(request.Id, failure, trouble, 0, context.RequestAborted);
                    if (placement.Refusal is null)
                        telemetry.Retried(end.Pool, end.Outcome);
                    if (placement.Refusal is null || !isSilent)
                        continue;
                }
                requestEnd = EndOf(outcome);
                if (outcome == AttemptOutcome.TimedOut)
                    await EngineTimedOut.WriteAsync(context);
                if (outcome == AttemptOutcome.EngineBroke && !context.Response.HasStarted)
                    await AnswerLost.WriteAsync(context);
                else if (outcome == AttemptOutcome.EngineBroke)
                    throw new AnswerBrokenException();
                return;
            }
            (end.Outcome, end.IsAsked) = (placement.Refusal.Reason, false);
            await ErrorAnswer.Of(placement.Refusal).WriteAsync(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            end.Outcome = "client-gone";
            requestEnd = RequestEnd.ClientGone;
        }
        finally
        {
            (end.FirstToken, end.Usage, end.RequestEnd) = (attempt?.TimeToFirstToken, attempt?.Usage, requestEnd);
            end.Settle(context.Response.StatusCode);
            pool.Host.Ended(request.Id, requestEnd, attempt?.Usage);
            if (requestEnd == RequestEnd.Completed)
                homes.Settled(end.Pool, request.SessionId, attempt!.Placement.Instance!);
        }
    }

    /// <summary>Reserves from the tenant's budget what the request can cost; null if it was refused, and told so.</summary>
    private async Task<RequestFacts?> PayAsync(HttpContext context, string tenant, RequestBody body, RequestFacts facts, ApiKind api, int templateTokens, Ending end)
    {
        try
        {
            (end.Reservation, facts, ErrorAnswer? error) = await budgets.ReserveAsync(tenant, body, facts, api, templateTokens, context.RequestAborted);
            if (error is null)
                return facts;
            end.Outcome = error.Code!;
            await error.WriteAsync(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            end.Outcome = "client-gone";
        }
        return null;
    }

    /// <summary>Whether a client that waits for the whole answer may be served by a stream: its answer is then protected like one.
    /// Tool calls and reasoning are left to the engine's own writing.</summary>
    private static bool CanStreamToItself(RequestFacts facts) =>
        !facts.Stream && facts.Terms is { Obstacle: null, MayCallTools: false } && AnswerSoFar.IsEmpty(facts.Terms.StreamOptions);

    private static void AddWishes(RequestBody body, RequestFacts facts, bool usage, bool tokenIds, bool stream)
    {
        if (stream && !AnswerSoFar.IsEmpty(facts.Terms.Stream))
            body.Overwrite(facts.Terms.Stream, "true"u8);
        int at = body.Span.IndexOf((byte)'{') + 1;
        if (usage)
            body.Insert(at, UsageWish);
        if (tokenIds && !facts.Terms.WantsTokenIds)
            body.Insert(at, TokenIdsWish);
        if (stream && AnswerSoFar.IsEmpty(facts.Terms.Stream))
            body.Insert(at, StreamWish);
    }

    private static readonly ErrorAnswer EngineTimedOut = new(504, "timeout_error", "engine_timeout",
        "No engine answered in time. Ask again, or ask for less.");

    private static readonly ErrorAnswer AnswerLost = new(503, "service_unavailable_error", "engine_stream_broken",
        "The engine broke off in the middle of the answer, and no other could go on. Ask again.");

    /// <summary>The facts of a JSON body; of any other only the model, which a query may name.</summary>
    private static RequestFacts? FactsOf(HttpRequest request, ApiKind api, RequestBody body, out ErrorAnswer? error)
    {
        error = null;
        if (body.Length == 0 && request.Query["model"] is [{ Length: > 0 } model, ..])
            return new RequestFacts(model, false, false, null, null, false, 0, null, Domain.Prefixes.PromptChain.Empty, new AnswerTerms { Obstacle = "api" });
        if (request.ContentType is { } type && type.StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase))
            return FormModel.Read(body.Span) is { } named
                ? new RequestFacts(named, false, false, null, null, false, 0, null, Domain.Prefixes.PromptChain.Empty, new AnswerTerms { Obstacle = "api" })
                : Wrong("The form has no field 'model'.", out error);
        return RequestReader.Read(body.Span, api, out error);

        static RequestFacts? Wrong(string message, out ErrorAnswer? error)
        {
            error = ErrorAnswer.BadRequest(message, "model");
            return null;
        }
    }

    private static PlacementRequest Describe(HttpRequest request, ApiKind api, RequestFacts facts, ResponseTurn? turn) => new()
    {
        Id = RequestIds.Next(),
        ClientId = ClientHeaders.RequestId(request),
        Model = facts.Model,
        Api = api,
        Prompt = facts.Prompt,
        PromptTokens = facts.PromptTokens,
        MaxOutputTokens = facts.MaxOutputTokens,
        SessionId = ClientHeaders.SessionId(request) ?? facts.SessionId ?? (turn is null ? null : SessionOf(turn, facts)),
        PriorTurns = facts.PriorTurns,
        PriorBlocks = facts.PriorBlocks,
        HasTools = facts.HasTools,
        Priority = Math.Max(ClientHeaders.Priority(request), facts.Priority),
    };

    /// <summary>A kept conversation is known by its first turn's id. A client that sends the turns before itself makes a first turn each time: that
    /// one is known by its prompt.</summary>
    private static string? SessionOf(ResponseTurn turn, RequestFacts facts) =>
        turn.PreviousId is not null || turn.IsKept && facts.PriorTurns == 0 ? turn.Conversation : null;

    private static RequestEnd EndOf(AttemptOutcome outcome) => outcome switch
    {
        AttemptOutcome.Answered => RequestEnd.Completed,
        AttemptOutcome.ClientGone => RequestEnd.ClientGone,
        AttemptOutcome.EngineBroke => RequestEnd.EngineBroke,
        _ => RequestEnd.Failed,
    };

    /// <summary>What is known of a request at its end.</summary>
    private sealed class Ending
    {
        public string Pool = "none";
        public string Outcome = "failed";
        public TimeSpan? FirstToken;
        public TokenUsage? Usage;
        public RequestEnd RequestEnd = RequestEnd.Failed;

        /// <summary>Whether an engine may have worked on what the client got.</summary>
        public bool IsAsked;

        /// <summary>What a tenant's budget paid in advance; null where none does.</summary>
        public Reservation? Reservation;

        /// <summary>Gives back what was reserved and not spent.</summary>
        /// <param name="status">The answer's: an error costs nothing.</param>
        public void Settle(int status)
        {
            Reservation?.Settle(Spent(status));
            Reservation = null;
        }

        /// <summary>Tokens that the request cost, by the engine's own count; null where there is none.</summary>
        private long? Spent(int status) => !IsAsked || RequestEnd == RequestEnd.Completed && status >= 400 ? 0
            : RequestEnd == RequestEnd.Completed && Usage is { } usage ? (long)usage.PromptTokens + usage.CompletionTokens : null;
    }
}
