using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Platform.Dicom.Deidentification;
using Platform.Hosting;
using Platform.Imaging;

namespace Platform.Edge;

/// <summary>
/// De-identified instances of one study on their way out: the body of one STOW-RS request, in a file that ends with the batch, so that memory stays flat and
/// an instance that cannot be read spoils no request.
/// </summary>
internal sealed class InstanceBatch(
    string folder,
    Deidentifier deidentifier,
    bool sendBurnedInAnnotation
) : IDisposable
{
    private readonly string _boundary = Guid.NewGuid().ToString("n");
    private readonly SpoolFile _body = new(folder);

    /// <summary>Instances in it.</summary>
    public int Instances { get; private set; }

    /// <summary>Instances that were left out because they cannot be read.</summary>
    public int Refused { get; private set; }

    /// <summary>Instances that were left out because their pixels may show who it is.</summary>
    public int Held { get; private set; }

    /// <summary>Bytes in it.</summary>
    public long Bytes { get; private set; }

    /// <summary>StudyInstanceUID as it is sent; null while nothing is in it.</summary>
    public string? StudyInstanceUid { get; private set; }

    /// <summary>Who its instances were.</summary>
    public Crosswalk Crosswalk { get; } = new();

    /// <summary>Adds an instance, or counts why not: what was written of it is then written over.</summary>
    public void Add(Stream instance)
    {
        using var part = _body.OpenWrite(Bytes);
        try
        {
            part.Write(
                Encoding.ASCII.GetBytes(
                    $"\r\n--{_boundary}\r\nContent-Type: application/dicom\r\n\r\n"
                )
            );
            var copied = deidentifier.Copy(instance, part);
            if (copied.BurnedInAnnotation && !sendBurnedInAnnotation)
            {
                Held++;
                return;
            }
            Instances++;
            Bytes += part.Length;
            Remember(copied);
        }
        catch (VolumeException)
        {
            Refused++;
        }
    }

    /// <summary>The request's content; once.</summary>
    public HttpContent ToContent()
    {
        using (var end = _body.OpenWrite(Bytes))
        {
            end.Write(Encoding.ASCII.GetBytes($"\r\n--{_boundary}--\r\n"));
            Bytes += end.Length;
        }
        var content = new StreamContent(_body.OpenRead(0, Bytes));
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(
            $"multipart/related; type=\"application/dicom\"; boundary={_boundary}"
        );
        return content;
    }

    public void Dispose() => _body.Dispose();

    private void Remember(DeidentifiedInstance copied)
    {
        StudyInstanceUid = copied.StudyInstanceUid;
        foreach (
            var (now, then) in new[]
            {
                (copied.StudyInstanceUid, copied.OriginalStudyInstanceUid),
                (copied.SeriesInstanceUid, copied.OriginalSeriesInstanceUid),
                (copied.SopInstanceUid, copied.OriginalSopInstanceUid),
                (copied.FrameOfReferenceUid, copied.OriginalFrameOfReferenceUid),
            }
        )
        {
            if (now is not null && then is not null)
            {
                Crosswalk.Uids.TryAdd(now, then);
            }
        }
        foreach (var (tag, value) in copied.Identity)
        {
            Crosswalk.Attributes.TryAdd(tag.ToString("X8", CultureInfo.InvariantCulture), value);
        }
    }
}
