namespace FleetRouter.Engines.Discovery;

/// <summary>A DNS name whose addresses are engines.</summary>
/// <param name="Name">The name to resolve.</param>
/// <param name="Port">TCP port of every engine behind it.</param>
/// <param name="Scheme"><c>http</c> or <c>https</c>; with https the engines' certificates must name their IP addresses.</param>
/// <param name="Interval">Time between lookups, 1 s to 1 h.</param>
public sealed record DnsName(string Name, int Port, string Scheme, TimeSpan Interval);
