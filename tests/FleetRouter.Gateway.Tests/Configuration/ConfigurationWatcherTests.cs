using System.Runtime.InteropServices;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Gateway.Tests.Engines;

namespace FleetRouter.Gateway.Tests.Configuration;

public sealed class ConfigurationWatcherTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fleet-config").FullName;
    private readonly ConfigurationReader _reader = new(ConfigurationReaderTests.Policies);
    private readonly ManualTime _time = new();
    private readonly List<string> _reports = [];

    private readonly CancellationTokenSource _stop = new();

    public void Dispose()
    {
        _stop.Cancel();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_valid_change_is_yielded_once_two_reads_agree()
    {
        string file = Write("config.yaml", "a");
        var changes = Watch(file);
        var next = changes.MoveNextAsync().AsTask();
        await LookAsync(2, next);
        Write("config.yaml", "b");
        await LookAsync(1, next);
        Assert.False(next.IsCompleted);
        Assert.Equal(TimeSpan.FromSeconds(2), await _time.AdvanceToNextTimerAsync());
        Assert.True(await next);
        Assert.Equal("b", changes.Current.Pools[0].Options.Name);
        Assert.Empty(_reports);
    }

    [Fact]
    public async Task An_invalid_edit_keeps_what_runs_and_is_told_once()
    {
        string file = Write("config.yaml", "a");
        var changes = Watch(file);
        var next = changes.MoveNextAsync().AsTask();
        File.WriteAllText(file, "pools: 5\n");
        await LookAsync(4, next);
        Assert.False(next.IsCompleted);
        Assert.StartsWith($"{file}:1:8: pools: no list", Assert.Single(_reports));
        File.Delete(file);
        await LookAsync(3, next);
        Assert.Equal($"{file}: no such file; give the path of a YAML file", _reports[^1]);
        Write("config.yaml", "c");
        await LookAsync(2, next);
        Assert.True(await next);
        Assert.Equal("c", changes.Current.Pools[0].Options.Name);
        Assert.Equal(2, _reports.Count);
    }

    [Fact]
    public async Task A_mounted_config_map_swapped_by_its_link_is_seen()
    {
        // Kubernetes: config.yaml -> ..data/config.yaml, ..data -> ..2026_1, and the middle link is replaced by rename.
        foreach (string version in new[] { "..2026_1", "..2026_2" }) Directory.CreateDirectory(Path.Combine(_folder, version));
        Write("..2026_1/config.yaml", "a");
        Write("..2026_2/config.yaml", "b");
        Directory.CreateSymbolicLink(Path.Combine(_folder, "..data"), "..2026_1");
        string file = Path.Combine(_folder, "config.yaml");
        File.CreateSymbolicLink(file, "..data/config.yaml");
        var changes = Watch(file);
        var next = changes.MoveNextAsync().AsTask();
        await LookAsync(1, next);
        Directory.CreateSymbolicLink(Path.Combine(_folder, "..data_tmp"), "..2026_2");
        Assert.Equal(0, Rename(Path.Combine(_folder, "..data_tmp"), Path.Combine(_folder, "..data")));
        await LookAsync(2, next);
        Assert.True(await next);
        Assert.Equal("b", changes.Current.Pools[0].Options.Name);
    }

    [Fact]
    public async Task An_edit_taken_back_changes_nothing()
    {
        string file = Write("config.yaml", "a");
        var changes = Watch(file);
        var next = changes.MoveNextAsync().AsTask();
        Write("config.yaml", "b");
        await LookAsync(1, next);
        Write("config.yaml", "a");
        await LookAsync(3, next);
        Assert.False(next.IsCompleted);
        Assert.Empty(_reports);
    }

    // File.Move follows a link to a folder; the kubelet calls rename.
    [DllImport("libc", EntryPoint = "rename", SetLastError = true)]
    private static extern int Rename([MarshalAs(UnmanagedType.LPUTF8Str)] string from, [MarshalAs(UnmanagedType.LPUTF8Str)] string to);

    private string Write(string name, string pool)
    {
        string file = Path.Combine(_folder, name);
        File.WriteAllText(file, $"pools:\n- name: {pool}\n  instances:\n  - url: http://e:1\n");
        return file;
    }

    private IAsyncEnumerator<GatewayOptions> Watch(string file)
    {
        var running = _reader.ReadFile(file);
        Assert.NotNull(running.Options);
        return new ConfigurationWatcher(file, _reader, running, problems => _reports.AddRange(problems.Select(problem => problem.ToString())), _time)
            .WatchAsync(_stop.Token).GetAsyncEnumerator();
    }

    // A read is over once the watcher waits for the clock again or has yielded.
    private async Task LookAsync(int times, Task yielded)
    {
        for (int look = 0; look < times; look++)
        {
            await _time.AdvanceToNextTimerAsync();
            await Task.WhenAny(_time.UntilWaitedForAsync(), yielded);
        }
    }
}
