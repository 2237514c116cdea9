using System.ComponentModel.DataAnnotations;
using Platform.Contracts;
using Platform.Dicom.Deidentification;

namespace Platform.Edge;

/// <summary>Section "Edge": what stands on either side of a hospital's wall, and what may pass it.</summary>
public sealed class EdgeOptions : IValidatableObject
{
    /// <summary>Orthanc's REST address.</summary>
    [Required]
    public Uri Orthanc { get; init; } = new("http://127.0.0.1:8042/");

    /// <summary>A user that Orthanc's configuration registers.</summary>
    [Required]
    public string OrthancUser { get; init; } = "";

    /// <summary>That user's password.</summary>
    [Required]
    public string OrthancPassword { get; init; } = "";

    /// <summary>Where the platform takes studies in.</summary>
    [Required]
    public Uri? Platform { get; init; }

    /// <summary>Where the platform gives results out; as <see cref="Platform"/> unless set.</summary>
    public Uri? Results { get; init; }

    /// <summary>The site's key, of those the platform lists as gateways'.</summary>
    [Required]
    public string Key { get; init; } = "";

    /// <summary>A PEM file of the authorities that may have signed the platform's certificate; those of the system unless set.</summary>
    public string? CertificateAuthority { get; init; }

    /// <summary>Whether addresses beyond the loopback may be plain HTTP.</summary>
    public bool AllowPlainHttp { get; init; }

    /// <summary>The site, as the platform knows it.</summary>
    [Required]
    public string Site { get; init; } = "default";

    /// <summary>How soon the site's studies are analysed.</summary>
    public StudyPriority Priority { get; init; }

    /// <summary>
    /// What pseudonyms and the cross-walk's encryption derive from: at least 32 random bytes in base64, known to nobody outside the hospital. Without it the
    /// cross-walk cannot be read; with another every study is a new one.
    /// </summary>
    [Required]
    public string Secret { get; init; } = "";

    /// <summary>Folder of the agent's place in Orthanc's changes, of what was sent, and of the encrypted cross-walk.</summary>
    [Required]
    public string StatePath { get; init; } = "";

    /// <summary>What may stay in the instances that are sent.</summary>
    public DeidentificationPolicy Deidentification { get; init; } = new();

    /// <summary>Whether instances are sent whose pixels may show who the patient is.</summary>
    public bool SendBurnedInAnnotation { get; init; }

    /// <summary>Most instances of one request. Default 100.</summary>
    [Range(1, 10_000)]
    public int BatchInstances { get; init; } = 100;

    /// <summary>A request ends with the instance that reaches this many bytes. Default 256 MiB.</summary>
    [Range(1, long.MaxValue)]
    public long BatchBytes { get; init; } = 256L << 20;

    /// <summary>How often Orthanc is asked what is new, and a new study's results are asked for. Default 5 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "01:00:00")]
    public TimeSpan PollEvery { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest pause between attempts while something is down. Default 2 minutes.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "01:00:00")]
    public TimeSpan RetryAtMost { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long one request may take. Default half an hour.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>How long after it was sent a study's results are asked for, more and more seldom. Default two days.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "365.00:00:00")]
    public TimeSpan ResultsFor { get; init; } = TimeSpan.FromDays(2);

    /// <summary>Names of Orthanc's modalities that get every result.</summary>
    public List<string> StoreTo { get; init; } = [];

    /// <summary>Whether they also get results that are marked not for diagnosis.</summary>
    public bool ForwardNotForDiagnosis { get; init; }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (
            var (name, address) in new[]
            {
                (nameof(Orthanc), Orthanc),
                (nameof(Platform), Platform),
                (nameof(Results), Results),
            }
        )
        {
            if (address is not null && Wrong(address) is { } why)
            {
                yield return new(why, [name]);
            }
        }
        var secret = new byte[Secret.Length];
        if (!Convert.TryFromBase64String(Secret, secret, out var length) || length < 32)
        {
            yield return new("at least 32 random bytes in base64", [nameof(Secret)]);
        }
        if (CertificateAuthority is not null && !File.Exists(CertificateAuthority))
        {
            yield return new(
                $"'{CertificateAuthority}' is not there",
                [nameof(CertificateAuthority)]
            );
        }
    }

    private string? Wrong(Uri address) =>
        !address.IsAbsoluteUri || address.Scheme is not ("http" or "https")
            ? $"'{address}' is not an address: https://host/"
        : address.Scheme == "http" && !address.IsLoopback && !AllowPlainHttp
            ? $"'{address}' is not encrypted: use https, or set Edge:AllowPlainHttp"
        : null;
}
