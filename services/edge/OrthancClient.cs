using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using Microsoft.Extensions.Options;

namespace Platform.Edge;

/// <summary>The part of Orthanc's REST API that the agent uses. What is gone from Orthanc is null; an Orthanc that does not answer is an <see cref="HttpRequestException"/>.</summary>
internal sealed class OrthancClient : IDisposable
{
    private const int MostChanges = 500;
    private readonly HttpClient _http;

    public OrthancClient(IOptions<EdgeOptions> options)
    {
        _http = EdgeHttp.Client(options.Value, options.Value.Orthanc);
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic",
            Convert.ToBase64String(
                Encoding.UTF8.GetBytes(
                    $"{options.Value.OrthancUser}:{options.Value.OrthancPassword}"
                )
            )
        );
    }

    /// <summary>Changes after one, in their order, not all at once.</summary>
    public async Task<ChangePage> ChangesAsync(long since, CancellationToken cancellationToken) =>
        (
            await _http.GetFromJsonAsync<ChangePage>(
                $"changes?since={since}&limit={MostChanges}",
                cancellationToken
            )
        )!;

    /// <summary>The study of an instance.</summary>
    public async Task<string?> StudyOfAsync(string instance, CancellationToken cancellationToken) =>
        (await FindAsync<OrthancStudy>($"instances/{instance}/study", cancellationToken))?.Id;

    /// <summary>Whether no instance of a study came for a while.</summary>
    public async Task<bool?> IsStableAsync(string study, CancellationToken cancellationToken) =>
        (await FindAsync<OrthancStudy>($"studies/{study}", cancellationToken))?.IsStable;

    /// <summary>The instances of a study.</summary>
    public Task<IReadOnlyList<OrthancInstance>?> InstancesAsync(
        string study,
        CancellationToken cancellationToken
    ) => FindAsync<IReadOnlyList<OrthancInstance>>($"studies/{study}/instances", cancellationToken);

    /// <summary>The file of an instance, as it comes.</summary>
    public async Task<Stream?> OpenAsync(string instance, CancellationToken cancellationToken)
    {
        try
        {
            return await _http.GetStreamAsync($"instances/{instance}/file", cancellationToken);
        }
        catch (HttpRequestException e) when (e.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <summary>Stores a file; one that is there already stays.</summary>
    /// <returns>Orthanc's identifier of the instance.</returns>
    public async Task<string> StoreAsync(Stream file, CancellationToken cancellationToken)
    {
        using var content = new StreamContent(file);
        using var response = await _http.PostAsync("instances", content, cancellationToken);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<OrthancInstance>(cancellationToken))!.Id;
    }

    /// <summary>Sends an instance to a modality (C-STORE).</summary>
    public async Task ForwardAsync(
        string modality,
        string instance,
        CancellationToken cancellationToken
    )
    {
        using var content = new StringContent(instance);
        using var response = await _http.PostAsync(
            $"modalities/{Uri.EscapeDataString(modality)}/store",
            content,
            cancellationToken
        );
        response.EnsureSuccessStatusCode();
    }

    /// <summary>Whether an instance says of itself, anywhere, that it is not for diagnosis.</summary>
    public async Task<bool> IsNotForDiagnosisAsync(
        string instance,
        CancellationToken cancellationToken
    ) =>
        (
            await _http.GetStringAsync($"instances/{instance}/simplified-tags", cancellationToken)
        ).Contains("not for diagnosis", StringComparison.OrdinalIgnoreCase);

    public void Dispose() => _http.Dispose();

    private async Task<T?> FindAsync<T>(string path, CancellationToken cancellationToken)
        where T : class
    {
        using var response = await _http.GetAsync(path, cancellationToken);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadFromJsonAsync<T>(cancellationToken);
    }

    private sealed record OrthancStudy(string Id, bool IsStable);
}

/// <summary>Some of Orthanc's changes.</summary>
/// <param name="Changes">In their order.</param>
/// <param name="Last">The number of the last of them; where there are none, of the last there is.</param>
/// <param name="Done">Whether there are no more.</param>
internal sealed record ChangePage(IReadOnlyList<OrthancChange> Changes, long Last, bool Done);

/// <summary>Something that happened to a resource.</summary>
/// <param name="ChangeType">What: NewInstance, StableStudy, ….</param>
/// <param name="Id">Orthanc's identifier of the resource.</param>
internal sealed record OrthancChange(string ChangeType, string Id);

/// <summary>An instance in Orthanc.</summary>
/// <param name="Id">Orthanc's identifier.</param>
/// <param name="MainDicomTags">Some of its attributes.</param>
internal sealed record OrthancInstance(string Id, MainDicomTags MainDicomTags);

/// <summary>Attributes of an instance by which Orthanc tells it from others.</summary>
internal sealed record MainDicomTags(string SopInstanceUid);
