using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Threading.Channels;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Hosting.Journal;

/// <summary>Writes one pool's life to a file as it happens: every event in the order the pool handled it, and what it decided.
/// No prompt text ever reaches it, only block hashes.</summary>
/// <remarks>The pool's mailbox only leaves an entry in a bounded queue; one task writes, in batches. An entry that finds the
/// queue full is counted and leaves a gap, which is written: a journal with a gap replays up to it. When the file has reached
/// half of the bound it becomes the previous file, and the previous one is deleted.</remarks>
public sealed class JournalWriter : IJournal
{
    /// <summary>Entries that wait to be written; some seconds of a busy gateway, and a bound on memory when the disk stalls.</summary>
    internal const int MaxWaiting = 32_768;

    /// <summary>Time an entry may wait for company. A crash loses no more than this; a shutdown nothing.</summary>
    private static readonly TimeSpan Batch = TimeSpan.FromMilliseconds(50);

    private readonly Channel<Entry> _waiting = Channel.CreateBounded<Entry>(new BoundedChannelOptions(MaxWaiting) { SingleReader = true });
    private readonly CancellationTokenSource _closing = new();
    private readonly ArrayBufferWriter<byte> _buffer = new(64 * 1024);
    private readonly Utf8JsonWriter _json;
    private readonly string _folder;
    private readonly FileStream _lock;
    private readonly long _mostBytes;
    private readonly HostClock _clock;
    private readonly Action<string> _failed;
    private readonly Task _writing;
    private Task? _closed;
    private JournalHeader _header;
    private FileStream? _file;
    private long _bytes, _linesHere;
    private long _lostInARow;   // only the mailbox's
    private long _events, _lost, _unflushed;

    private JournalWriter(string folder, JournalHeader header, FileStream held, FileStream file, long mostBytes, HostClock clock, Action<string> failed)
    {
        (_folder, _header, _lock, _file, _mostBytes, _clock, _failed) = (folder, header, held, file, mostBytes, clock, failed);
        _json = new Utf8JsonWriter(_buffer, new JsonWriterOptions { Encoder = JournalJson.Options.Encoder, SkipValidation = true });
        Write(new JournalLine(_header, null, null, null));
        Flush();
        _writing = Task.Run(WriteAsync);
    }

    /// <inheritdoc/>
    public long Events => Volatile.Read(ref _events);

    /// <inheritdoc/>
    public long Lost => Volatile.Read(ref _lost);

    /// <summary>Begins the journal of a pool that begins. What an earlier run left becomes the previous file.</summary>
    /// <param name="folder">Where journals lie; made if it is not there.</param>
    /// <param name="options">What the pool is told at its start.</param>
    /// <param name="mostBytes">Bytes its two files may hold together.</param>
    /// <param name="clock">The clock the pool's events are stamped with.</param>
    /// <param name="failed">Told in one line when writing fails for good; the pool goes on without a journal.</param>
    /// <exception cref="JournalException">The folder cannot be written to, or another gateway writes this journal.</exception>
    public static JournalWriter Begin(string folder, PoolOptions options, long mostBytes, HostClock clock, Action<string> failed)
    {
        string run = string.Create(CultureInfo.InvariantCulture, $"{clock.Date(clock.Now):yyyyMMdd'T'HHmmss}-{Random.Shared.Next():x8}");
        var header = new JournalHeader(JournalHeader.Current, run, 0, 0, clock.Date(TimeSpan.Zero), options);
        string path = JournalFiles.Current(folder, options.Name);
        FileStream? held = null;
        try
        {
            Directory.CreateDirectory(folder);
            // The journal itself cannot be the lock: readers could not open it.
            held = new FileStream(JournalFiles.Lock(folder, options.Name), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            if (File.Exists(path))
                File.Move(path, JournalFiles.Previous(folder, options.Name), overwrite: true);
            return new JournalWriter(folder, header, held, Open(path), mostBytes, clock, failed);
        }
        catch (Exception trouble) when (trouble is IOException or UnauthorizedAccessException)
        {
            held?.Dispose();
            throw new JournalException($"the journal {path} cannot be written ({OneLine(trouble)}); let journal.path be a folder of this gateway's own that it may write to", trouble);
        }
    }

    /// <inheritdoc/>
    public void Add(PoolEvent happened, List<PoolEffect> effects)
    {
        if (_waiting.Writer.TryWrite(new Entry(happened, DecisionsOf(effects), _lostInARow)))
        {
            _lostInARow = 0;
            return;
        }
        _lostInARow++;
        Interlocked.Increment(ref _lost);
    }

    /// <summary>Writes all that waits, and closes the file. What is added later counts as lost.</summary>
    public ValueTask DisposeAsync() => new(_closed ??= CloseAsync());

    private async Task CloseAsync()
    {
        _waiting.Writer.TryComplete();
        await _closing.CancelAsync();
        await _writing;
        await _lock.DisposeAsync();
        _closing.Dispose();
        await _json.DisposeAsync();
    }

    private static PoolEffect[] DecisionsOf(List<PoolEffect> effects)
    {
        int count = 0;
        foreach (PoolEffect effect in effects)
            count += DecisionDigest.IsDecision(effect) ? 1 : 0;
        if (count == 0)
            return [];
        var decisions = new PoolEffect[count];
        count = 0;
        foreach (PoolEffect effect in effects)
            if (DecisionDigest.IsDecision(effect))
                decisions[count++] = effect;
        return decisions;
    }

    private async Task WriteAsync()
    {
        while (await _waiting.Reader.WaitToReadAsync())
        {
            await Task.Delay(Batch, _clock.Provider, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            while (_waiting.Reader.TryRead(out Entry entry))
                Attempt(entry);
            Attempt(null);
        }
        if (_lostInARow > 0)
            Attempt(new Entry(null, [], _lostInARow));
        Attempt(null);
        _file?.Dispose();
    }

    /// <summary>Writes an entry, or flushes where there is none. After the first failure everything is lost, and counted.</summary>
    private void Attempt(Entry? entry)
    {
        try
        {
            if (_file is not null && entry is { } line)
                Write(line);
            else if (_file is not null)
                Flush();
            else if (entry is { Happened: not null })
                Interlocked.Increment(ref _lost);
        }
        catch (Exception trouble) when (trouble is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            Interlocked.Add(ref _lost, _unflushed + (entry is { Happened: not null } ? 1 : 0));
            Abandon();
            _failed($"the journal {JournalFiles.Current(_folder, _header.Options.Name)} ends here: {OneLine(trouble)}; make room or mend the disk, and start the gateway again");
        }
    }

    private void Abandon()
    {
        try
        {
            _file?.Dispose();
        }
        catch (IOException)
        {
            // What could not be written cannot be flushed either.
        }
        _file = null;
    }

    private void Write(in Entry entry)
    {
        if (entry.LostBefore > 0)
            Write(new JournalLine(null, entry.LostBefore, null, null));
        if (entry.Happened is null)
            return;
        Write(new JournalLine(null, null, entry.Happened, entry.Decisions.Length == 0 ? null : entry.Decisions));
        _unflushed++;
    }

    private void Write(JournalLine line)
    {
        if (line.Header is null)
        {
            if (_bytes >= _mostBytes / 2)   // two files share the bound
                Rotate();
            _linesHere++;
        }
        _json.Reset();
        JsonSerializer.Serialize(_json, line, JournalJson.Options);
        _json.Flush();
        _buffer.Write("\n"u8);
        _bytes += _buffer.WrittenCount;
        _file!.Write(_buffer.WrittenSpan);
        _buffer.ResetWrittenCount();
    }

    private void Rotate()
    {
        string path = JournalFiles.Current(_folder, _header.Options.Name);
        Flush();
        File.Move(path, JournalFiles.Previous(_folder, _header.Options.Name), overwrite: true);
        _file!.Dispose();
        _file = null;
        _file = Open(path);
        _header = _header with { Part = _header.Part + 1, LinesBefore = _header.LinesBefore + _linesHere };
        (_bytes, _linesHere) = (0, 0);
        Write(new JournalLine(_header, null, null, null));
    }

    private void Flush()
    {
        _file!.Flush();
        Interlocked.Add(ref _events, _unflushed);
        _unflushed = 0;
    }

    private static FileStream Open(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.Read | FileShare.Delete, BufferSize = 64 * 1024 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        return new FileStream(path, options);
    }

    private static string OneLine(Exception trouble) => trouble.Message.ReplaceLineEndings(" ");

    /// <summary>An event with its decisions, or, without an event, a gap at the journal's end.</summary>
    private readonly record struct Entry(PoolEvent? Happened, PoolEffect[] Decisions, long LostBefore);
}
