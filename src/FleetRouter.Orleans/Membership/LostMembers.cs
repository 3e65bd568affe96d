using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace FleetRouter.Orleans.Membership;

/// <summary>Declares dead, while this process joins, the members of a cluster that was killed whole: nobody is left who would, and who joins has to
/// reach every member that the table calls active.</summary>
/// <remarks>A member is lost that has not said it lives for as long as three of its words take, by this process's own watch, and takes no connection.
/// No clock of another machine counts, nor does a database that did not answer meanwhile.</remarks>
internal sealed partial class LostMembers(IMembershipTable table, TimeProvider time, ILogger<LostMembers> log)
{
    private static readonly TimeSpan Silence = 3.5 * TunedMembership.SaysItLives, Look = TimeSpan.FromMilliseconds(500);

    private readonly Dictionary<SiloAddress, (DateTime Said, long Since)> _seen = [];

    /// <summary>Watches until <paramref name="joined"/> fires. Never throws.</summary>
    public async Task WatchAsync(CancellationToken joined)
    {
        bool isOpen = false;
        while (!joined.IsCancellationRequested)
        {
            try
            {
                if (!isOpen)
                    await table.InitializeMembershipTable(false);
                isOpen = true;
                await LookAsync(joined);
            }
            catch (Exception) when (!joined.IsCancellationRequested)
            {
                _seen.Clear();   // what could not be watched counts for nothing; joining itself tells why
            }
            catch (Exception)
            {
                return;
            }
            await Task.Delay(Look, time, joined).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LookAsync(CancellationToken joined)
    {
        MembershipTableData told = await table.ReadAll();
        foreach ((MembershipEntry member, string version) in told.Members)
        {
            if (member.Status != SiloStatus.Active)
                continue;
            if (!_seen.TryGetValue(member.SiloAddress, out (DateTime Said, long Since) seen) || seen.Said != member.IAmAliveTime)
                _seen[member.SiloAddress] = (member.IAmAliveTime, time.GetTimestamp());
            else if (time.GetElapsedTime(seen.Since) > Silence && !await AnswersAsync(member.SiloAddress, joined))
            {
                member.Status = SiloStatus.Dead;
                if (await table.UpdateRow(member, version, told.Version.Next()))
                    LogLost(member.SiloAddress, Silence.TotalSeconds);
                return;   // the table's version is another now
            }
        }
    }

    private static async Task<bool> AnswersAsync(SiloAddress silo, CancellationToken joined)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(joined);
        late.CancelAfter(Look);
        using var client = new TcpClient(silo.Endpoint.AddressFamily);
        try
        {
            await client.ConnectAsync(silo.Endpoint, late.Token);
            return true;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return false;
        }
    }

    [LoggerMessage(EventId = 60, Level = LogLevel.Warning, Message = "Member {Silo} of the cluster is declared dead: it has said nothing for {Seconds:0.#} s and takes no connection")]
    private partial void LogLost(SiloAddress silo, double seconds);
}
