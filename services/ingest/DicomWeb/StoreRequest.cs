using System.Buffers;
using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Options;
using Platform.Dicom.Deidentification;
using Platform.Hosting;

namespace Platform.Ingest;

/// <summary>
/// One STOW-RS request: its instances are spooled one after another, and de-identified and stored several at a time, so that memory stays flat and the
/// sender is never waited for.
/// </summary>
internal sealed class StoreRequest : IAsyncDisposable
{
    private const int BufferBytes = 128 * 1024;

    /// <summary>Most slices of CT and MR are smaller.</summary>
    private const int BytesInMemory = 1 << 20;

    private readonly StudySubmission _submission;
    private readonly string? _studyInstanceUid;
    private readonly StudyGathering _gathering;
    private readonly Deidentifier _deidentifier;
    private readonly IngestOptions _options;
    private readonly Channel<Slot> _slots;
    private readonly List<Slot> _all = [];
    private readonly List<Task<TakenPart>> _taken = [];
    private readonly List<Task<StoredPart>> _parts = [];
    private readonly ConcurrentDictionary<string, Lazy<Task<GatheredStudy>>> _studies = new();
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private bool _ended;

    public StoreRequest(
        StudySubmission submission,
        string? studyInstanceUid,
        StudyGathering gathering,
        StudyIntake intake,
        IngestOptions options
    )
    {
        (_submission, _studyInstanceUid, _gathering, _options) = (
            submission,
            studyInstanceUid,
            gathering,
            options
        );
        _deidentifier = intake.DeidentifierOf(submission.Tenant);
        _slots = Channel.CreateBounded<Slot>(options.ParallelWrites);
    }

    /// <summary>Takes one instance. It may still be on its way to the store when this returns.</summary>
    /// <exception cref="IntakeUnavailableException">The disk is full, or an instance before could not be stored.</exception>
    public async Task TakeAsync(Stream content, CancellationToken cancellationToken)
    {
        if (_parts.Count == _options.MaxFiles)
        {
            throw new BadHttpRequestException(
                $"more than {_options.MaxFiles} instances: send fewer at a time, or raise Ingest:MaxFiles",
                StatusCodes.Status413PayloadTooLarge
            );
        }
        var slot = await SlotAsync(cancellationToken);
        var length = await FillAsync(slot, content, cancellationToken);
        // A request of one small instance has nothing to do meanwhile: handing it to another thread would only cost.
        var taken =
            _parts.Count == 0 && length <= BytesInMemory
                ? DeidentifyAsync(slot, length, cancellationToken)
                : Task.Run(
                    () => DeidentifyAsync(slot, length, cancellationToken),
                    cancellationToken
                );
        _taken.Add(taken);
        _parts.Add(StoreAsync(slot, taken, cancellationToken));
    }

    /// <summary>Waits for the last instance.</summary>
    /// <returns>What became of each, in the order sent: it may be told to the sender.</returns>
    /// <exception cref="IntakeUnavailableException">One could not be stored: all are to be sent again.</exception>
    public async Task<IReadOnlyList<StoredPart>> EndAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(_taken);
        // Who they are is written beside the last of them: two waits for the disk at once.
        var identities = KeepIdentitiesAsync(cancellationToken);
        await Task.WhenAll([identities, .. _parts]);
        await MarkAsync(cancellationToken);
        var parts = await Task.WhenAll(_parts);
        foreach (var part in parts)
        {
            IngestMetrics
                .Instances.WithLabels(_submission.Site!, part.Outcome?.ToString() ?? "Refused")
                .Inc();
        }
        return parts;
    }

    public async ValueTask DisposeAsync()
    {
        // What is still being stored must not lose its spool; what was stored is somebody's, however the request ended.
        await ((Task)Task.WhenAll(_parts)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_ended)
        {
            await KeepIdentitiesAsync(CancellationToken.None)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await MarkAsync(CancellationToken.None)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        foreach (var slot in _all)
        {
            slot.Received.Dispose();
            slot.Kept.Dispose();
        }
        ArrayPool<byte>.Shared.Return(_buffer);
    }

    private Task KeepIdentitiesAsync(CancellationToken cancellationToken) =>
        EachStudyAsync(study => _gathering.KeepIdentitiesAsync(study, cancellationToken));

    private async Task MarkAsync(CancellationToken cancellationToken)
    {
        await EachStudyAsync(study => _gathering.MarkAsync(study, cancellationToken));
        _ended = true;
    }

    private async Task EachStudyAsync(Func<GatheredStudy, Task> work)
    {
        foreach (var study in _studies.Values)
        {
            await GuardAsync(async () =>
            {
                await work(await study.Value);
                return true;
            });
        }
    }

    private async ValueTask<Slot> SlotAsync(CancellationToken cancellationToken)
    {
        if (_slots.Reader.TryRead(out var free))
        {
            return free;
        }
        if (_all.Count < _options.ParallelWrites)
        {
            _all.Add(
                IntakeUnavailableException.Guard(() =>
                    new Slot(
                        new SpoolFile(_options.SpoolPath, BytesInMemory),
                        new SpoolFile(_options.SpoolPath, BytesInMemory)
                    )
                )
            );
            return _all[^1];
        }
        return await _slots.Reader.ReadAsync(cancellationToken);
    }

    private async Task<long> FillAsync(
        Slot slot,
        Stream content,
        CancellationToken cancellationToken
    )
    {
        var length = 0L;
        while (true)
        {
            var read = await MultipartBody.ReadAsync(
                () =>
                    content
                        .ReadAtLeastAsync(
                            _buffer,
                            _buffer.Length,
                            throwOnEndOfStream: false,
                            cancellationToken
                        )
                        .AsTask(),
                () =>
                    new BadHttpRequestException(
                        "the multipart body ends early; what was stored of it stays, send it again"
                    )
            );
            if (read == 0)
            {
                break;
            }
            if (length + read > _options.MaxStudyBytes)
            {
                throw new BadHttpRequestException(
                    $"an instance of more than {_options.MaxStudyBytes} bytes: raise Ingest:MaxStudyBytes",
                    StatusCodes.Status413PayloadTooLarge
                );
            }
            await GuardAsync(async () =>
            {
                await slot.Received.WriteAsync(
                    _buffer.AsMemory(0, read),
                    length,
                    cancellationToken
                );
                return true;
            });
            length += read;
        }
        return length;
    }

    private async Task<TakenPart> DeidentifyAsync(
        Slot slot,
        long length,
        CancellationToken cancellationToken
    )
    {
        var file = IntakeUnavailableException.Guard(() =>
            ReceivedFile.Take(slot.Received, length, slot.Kept, 0, _deidentifier)
        );
        if (file.Instance is not { } instance)
        {
            return new(file, null, file.Refusal?.Detail ?? "not a DICOM instance");
        }
        if (_studyInstanceUid is not null && instance.OriginalStudyInstanceUid != _studyInstanceUid)
        {
            return new(file, null, "of another study than the one it was sent to");
        }
        var study = await GuardAsync(() =>
            _studies
                .GetOrAdd(
                    instance.OriginalStudyInstanceUid,
                    uid => new(() => _gathering.OpenAsync(_submission, uid, cancellationToken))
                )
                .Value
        );
        study.Files.Add(file);
        return new(file, study, null);
    }

    private async Task<StoredPart> StoreAsync(
        Slot slot,
        Task<TakenPart> taken,
        CancellationToken cancellationToken
    )
    {
        try
        {
            var (file, study, refusal) = await taken;
            return study is null
                ? new(file.Instance, null, refusal)
                : new(
                    file.Instance,
                    await GuardAsync(() =>
                        _gathering.StoreAsync(study, file, slot.Kept, cancellationToken)
                    ),
                    null
                );
        }
        finally
        {
            _slots.Writer.TryWrite(slot);
        }
    }

    /// <summary>Whatever disk, store or vault throw is an outage.</summary>
    private static async Task<T> GuardAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new IntakeUnavailableException(e);
        }
    }

    private sealed record Slot(SpoolFile Received, SpoolFile Kept);

    /// <summary>One part without what identifies the patient, and the study it is to be stored in; null, and why, where it is refused.</summary>
    private sealed record TakenPart(ReceivedFile File, GatheredStudy? Study, string? Refusal);
}

/// <summary>What became of one part.</summary>
/// <param name="Instance">Null for what cannot be read.</param>
/// <param name="Outcome">Null for what was refused.</param>
/// <param name="Refusal">Why.</param>
internal sealed record StoredPart(
    DeidentifiedInstance? Instance,
    InstanceOutcome? Outcome,
    string? Refusal
);
