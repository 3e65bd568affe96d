using System.CommandLine;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Yarp.ReverseProxy.Forwarder;

namespace FleetRouter.Benchmarks.Overhead;

/// <summary>The yardstick: what the gateway would be if it only carried bytes. YARP's forwarder, the engines in turn, and the gateway's own
/// settings of server and sockets; no body is read, no answer watched.</summary>
internal static class PlainForwarder
{
    public const string Verb = "plain-forwarder";

    public static Command Command()
    {
        var engines = new Argument<string[]>("ENGINE") { Arity = ArgumentArity.OneOrMore };
        var command = new Command(Verb, "Forward to engines in turn, until standard input closes.") { engines };
        command.Hidden = true;
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(engines)!));
        return command;
    }

    private static async Task<int> RunAsync(string[] engines)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddHttpForwarder();
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.UnsafePreferInlineScheduling = true);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(IPAddress.Loopback, 0, o => o.Protocols = HttpProtocols.Http1);
        });
        await using WebApplication app = builder.Build();
        using var connections = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            ActivityHeadersPropagator = null,
        });
        var request = new ForwarderRequestConfig { Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        IHttpForwarder yarp = app.Services.GetRequiredService<IHttpForwarder>();
        uint turn = 0;
        app.Run(async context => await yarp.SendAsync(context, engines[Interlocked.Increment(ref turn) % engines.Length], connections, request, HttpTransformer.Default));
        await app.StartAsync();
        Console.WriteLine(JsonSerializer.Serialize(new { listen = app.Urls.First() }));
        await Console.In.ReadToEndAsync();
        return 0;
    }
}
