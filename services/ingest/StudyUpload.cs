using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Platform.Hosting;

namespace Platform.Ingest;

/// <summary>
/// A study on its way in. Files are appended to one spool file that has no name, so that a killed process leaves nothing behind,
/// and are hashed on the way: identity and revision depend on the whole content, and so does where its blobs belong.
/// Memory use does not depend on the study's size. Not thread-safe.
/// </summary>
public sealed class StudyUpload : IDisposable
{
    private readonly IngestOptions _options;
    private readonly SafeFileHandle _spool;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly List<UploadedFile> _files = [];
    private readonly HashSet<string> _digests = [];
    private readonly byte[] _head = new byte[FileSignature.HeadBytes];
    private long _start = -1;

    internal StudyUpload(IngestOptions options)
    {
        _options = options;
        var path = Path.Combine(options.SpoolPath, $"upload-{Guid.NewGuid():n}");
        try
        {
            Directory.CreateDirectory(options.SpoolPath);
            _spool = File.OpenHandle(
                path,
                FileMode.CreateNew,
                FileAccess.ReadWrite,
                FileShare.Delete,
                FileOptions.DeleteOnClose
            );
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IntakeUnavailableException(e);
        }
    }

    /// <summary>Bytes received so far, all files together.</summary>
    public long Bytes { get; private set; }

    /// <summary>The finished files in the order received; a file that came twice is listed once.</summary>
    internal IReadOnlyList<UploadedFile> Files
    {
        get
        {
            FinishFile();
            return _files;
        }
    }

    /// <summary>Ends the file before, if any, and starts the next.</summary>
    /// <exception cref="SubmissionRefusedException">More files than <see cref="IngestOptions.MaxFiles"/>.</exception>
    public void StartFile()
    {
        FinishFile();
        if (_files.Count >= _options.MaxFiles)
        {
            throw new SubmissionRefusedException(
                RefusalKind.TooLarge,
                "files",
                null,
                $"more than {_options.MaxFiles} files: send fewer, or raise Ingest:MaxFiles"
            );
        }
        _start = Bytes;
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
        var at = Bytes - _start;
        if (at < FileSignature.HeadBytes)
        {
            var length = (int)Math.Min(FileSignature.HeadBytes - at, data.Length);
            data.Span[..length].CopyTo(_head.AsSpan((int)at));
        }
        _hash.AppendData(data.Span);
        try
        {
            await RandomAccess.WriteAsync(_spool, data, Bytes, cancellationToken);
        }
        catch (IOException e)
        {
            throw new IntakeUnavailableException(e);
        }
        Bytes += data.Length;
    }

    /// <summary>Appends a whole file.</summary>
    public async Task AddFileAsync(Stream content, CancellationToken cancellationToken)
    {
        StartFile();
        var buffer = new byte[128 * 1024];
        int read;
        while ((read = await content.ReadAsync(buffer, cancellationToken)) > 0)
        {
            await WriteAsync(buffer.AsMemory(0, read), cancellationToken);
        }
    }

    /// <summary>A received file's bytes. Several files can be read at a time.</summary>
    internal Stream OpenRead(UploadedFile file) => new SpoolStream(_spool, file.Offset, file.Bytes);

    /// <summary>Drops the spool.</summary>
    public void Dispose()
    {
        _spool.Dispose();
        _hash.Dispose();
    }

    private void FinishFile()
    {
        if (_start < 0)
        {
            return;
        }
        var bytes = Bytes - _start;
        var sha256 = Convert.ToHexStringLower(_hash.GetHashAndReset());
        if (_digests.Add(sha256))
        {
            var head = _head.AsSpan(0, (int)Math.Min(bytes, FileSignature.HeadBytes));
            _files.Add(new UploadedFile(_start, bytes, sha256, FileSignature.Extension(head)));
        }
        _start = -1;
    }
}

/// <summary>One finished file of an upload.</summary>
/// <param name="Offset">Where it starts in the spool.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">Its digest in lower-case hexadecimal.</param>
/// <param name="Extension">From its content, for example ".nii.gz".</param>
internal sealed record UploadedFile(long Offset, long Bytes, string Sha256, string Extension);
