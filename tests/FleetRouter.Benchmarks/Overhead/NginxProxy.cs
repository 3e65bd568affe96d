namespace FleetRouter.Benchmarks.Overhead;

/// <summary>nginx as one would set it before engines: least_conn, connections kept, nothing buffered on the way back.</summary>
internal sealed class NginxProxy : Target
{
    private NginxProxy(PinnedProcess process, int port) : base(Nginx, process, port)
    {
    }

    public static async Task<NginxProxy> StartAsync(BenchEngines engines, string directory, CancellationToken cancellation)
    {
        int port = FreePort.Next();
        string file = Path.Combine(directory, "proxy.conf");
        await File.WriteAllTextAsync(file, $$"""
            {{Common(directory, "proxy")}}
              upstream engines {
                least_conn;
                {{string.Join(' ', engines.Ports.Select(p => $"server 127.0.0.1:{p};"))}}
                keepalive 1024;
                keepalive_requests 1000000000;
              }
              server {
                listen 127.0.0.1:{{port}} backlog=4096;
                location / {
                  proxy_pass http://engines;
                  proxy_http_version 1.1;
                  proxy_set_header Connection "";
                  proxy_buffering off;
                }
              }
            }
            """, cancellation);
        return new NginxProxy(await PinnedProcess.StartListeningAsync("nginx", Cores.Proxy, "nginx", ["-c", file], [port], cancellation), port);
    }

    /// <summary>The beginning of a configuration, up to and into its http block: one worker, no log, connections kept for
    /// good, and room in memory for the largest body, so that nginx does not write it to a file.</summary>
    public static string Common(string directory, string name) => $$"""
        daemon off;
        user root;
        worker_processes 1;
        pid {{directory}}/{{name}}.pid;
        error_log stderr error;
        events { worker_connections 8192; }
        http {
          access_log off;
          keepalive_requests 1000000000;
          client_max_body_size 0;
          client_body_buffer_size 512k;
          tcp_nodelay on;
          client_body_temp_path {{directory}}/{{name}}-body;
          proxy_temp_path {{directory}}/{{name}}-temp;
          fastcgi_temp_path {{directory}}/{{name}}-fastcgi;
          uwsgi_temp_path {{directory}}/{{name}}-uwsgi;
          scgi_temp_path {{directory}}/{{name}}-scgi;
        """;
}
