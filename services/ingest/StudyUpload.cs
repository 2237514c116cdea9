using Platform.Dicom.Deidentification;
using Platform.Hosting;

namespace Platform.Ingest;

/// <summary>
/// A study on its way in, its files one after another. Each is spooled as it comes and, once whole, kept in a second spool without what identifies the
/// patient: identity and revision depend on the whole content, and so does where its blobs belong. Memory use does not depend on the study's size. Not
/// thread-safe.
/// </summary>
public sealed class StudyUpload : IDisposable
{
    private const int BufferBytes = 128 * 1024;

    private readonly IngestOptions _options;
    private readonly Deidentifier _deidentifier;
    private readonly SpoolFile _received;
    private readonly SpoolFile _kept;
    private readonly List<ReceivedFile> _files = [];
    private readonly HashSet<string> _digests = [];
    private long _fileBytes = -1;
    private long _keptBytes;

    internal StudyUpload(IngestOptions options, Deidentifier deidentifier)
    {
        (_options, _deidentifier) = (options, deidentifier);
        (_received, _kept) = IntakeUnavailableException.Guard(() =>
            (new SpoolFile(options.SpoolPath), new SpoolFile(options.SpoolPath))
        );
    }

    /// <summary>Bytes received so far, all files together.</summary>
    public long Bytes { get; private set; }

    /// <summary>The finished files in the order received; a file that came twice is listed once.</summary>
    internal IReadOnlyList<ReceivedFile> Files => _files;

    /// <summary>Ends the file before, if any, and starts the next.</summary>
    /// <exception cref="SubmissionRefusedException">More files than <see cref="IngestOptions.MaxFiles"/>.</exception>
    /// <exception cref="IntakeUnavailableException">The spool is full.</exception>
    public async Task StartFileAsync(CancellationToken cancellationToken)
    {
        await EndFileAsync(cancellationToken);
        if (_files.Count >= _options.MaxFiles)
        {
            throw new SubmissionRefusedException(
                RefusalKind.TooLarge,
                "files",
                null,
                $"more than {_options.MaxFiles} files: send fewer, or raise Ingest:MaxFiles"
            );
        }
        _fileBytes = 0;
    }

    /// <summary>Appends to the file that was started last.</summary>
    /// <exception cref="SubmissionRefusedException">More bytes than <see cref="IngestOptions.MaxStudyBytes"/>.</exception>
    /// <exception cref="IntakeUnavailableException">The spool is full.</exception>
    public async ValueTask WriteAsync(
        ReadOnlyMemory<byte> data,
        CancellationToken cancellationToken
    )
    {
        if (Bytes + data.Length > _options.MaxStudyBytes)
        {
            throw new SubmissionRefusedException(
                RefusalKind.TooLarge,
                "files",
                null,
                $"more than {_options.MaxStudyBytes} bytes: raise Ingest:MaxStudyBytes"
            );
        }
        try
        {
            await _received.WriteAsync(data, _fileBytes, cancellationToken);
        }
        catch (IOException e)
        {
            throw new IntakeUnavailableException(e);
        }
        _fileBytes += data.Length;
        Bytes += data.Length;
    }

    /// <summary>Appends a whole file.</summary>
    public async Task AddFileAsync(Stream content, CancellationToken cancellationToken)
    {
        await StartFileAsync(cancellationToken);
        var buffer = new byte[BufferBytes];
        int read;
        while ((read = await content.ReadAsync(buffer, cancellationToken)) > 0)
        {
            await WriteAsync(buffer.AsMemory(0, read), cancellationToken);
        }
    }

    /// <summary>Ends the last file.</summary>
    /// <exception cref="IntakeUnavailableException">The spool is full.</exception>
    public async Task EndFileAsync(CancellationToken cancellationToken)
    {
        if (_fileBytes < 0)
        {
            return;
        }
        var file = await Task.Run(
            () =>
                IntakeUnavailableException.Guard(() =>
                    ReceivedFile.Take(_received, _fileBytes, _kept, _keptBytes, _deidentifier)
                ),
            cancellationToken
        );
        if (_digests.Add(file.Sha256))
        {
            _files.Add(file);
            _keptBytes += file.Bytes;
        }
        _fileBytes = -1;
    }

    /// <summary>What is kept of a file. Several files can be read at a time.</summary>
    internal Stream OpenRead(ReceivedFile file) => _kept.OpenRead(file.Offset, file.Bytes);

    /// <summary>Drops the spools.</summary>
    public void Dispose()
    {
        _received.Dispose();
        _kept.Dispose();
    }
}
