using System.Globalization;
using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Platform.Hosting;

namespace Platform.Edge;

/// <summary>The platform's DICOMweb (PS3.18), as its gateways use it. What it does not do is a <see cref="PlatformException"/>.</summary>
internal sealed class PlatformClient : IDisposable
{
    private const string Studies = "dicom-web/studies";
    private const string FailedSopSequence = "00081198";
    private const string OtherFailuresSequence = "0008119A";
    private const string SopInstanceUid = "00080018";
    private const string SeriesInstanceUid = "0020000E";

    private readonly HttpClient _intake;
    private readonly HttpClient _results;

    public PlatformClient(IOptions<EdgeOptions> options)
    {
        _intake = Client(options.Value, options.Value.Platform!);
        _results = Client(options.Value, options.Value.Results ?? options.Value.Platform!);
    }

    /// <summary>Stores instances (STOW-RS); those that are stored already stay.</summary>
    /// <returns>How many of them the platform refused, for good.</returns>
    public async Task<int> StoreAsync(InstanceBatch batch, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Studies);
        request.Content = batch.ToContent();
        // A platform that cannot take it now says so before all of it was sent.
        request.Headers.ExpectContinue = true;
        using var response = await SendAsync(_intake, request, cancellationToken);
        if (response.StatusCode == HttpStatusCode.Conflict)
        {
            // The request was understood, and none of its instances stored.
            return batch.Instances;
        }
        Check(response);
        using var answer = await ReadAsync(response, cancellationToken);
        return Items(answer, FailedSopSequence) + Items(answer, OtherFailuresSequence);
    }

    /// <summary>Says that a study has all its instances.</summary>
    public async Task CompleteAsync(
        string study,
        int instances,
        CancellationToken cancellationToken
    )
    {
        using var request = new HttpRequestMessage(
            HttpMethod.Post,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Studies}/{study}/complete?instances={instances}"
            )
        );
        using var response = await SendAsync(_intake, request, cancellationToken);
        Check(response);
    }

    /// <summary>The result objects of a study (QIDO-RS); none while there is no report.</summary>
    public async Task<IReadOnlyList<ResultInstance>> ResultsAsync(
        string study,
        CancellationToken cancellationToken
    )
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Studies}/{study}/instances");
        request.Headers.Accept.ParseAdd("application/dicom+json");
        using var response = await SendAsync(_results, request, cancellationToken);
        if (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.NoContent)
        {
            return [];
        }
        Check(response);
        using var found = await ReadAsync(response, cancellationToken);
        return
        [
            .. found
                .RootElement.EnumerateArray()
                .Select(instance => new ResultInstance(
                    study,
                    Text(instance, SeriesInstanceUid),
                    Text(instance, SopInstanceUid)
                )),
        ];
    }

    /// <summary>Reads a result object (WADO-RS) as a Part 10 file.</summary>
    public async Task ReadAsync(
        ResultInstance result,
        Action<Stream> read,
        CancellationToken cancellationToken
    )
    {
        using var request = new HttpRequestMessage(
            HttpMethod.Get,
            $"{Studies}/{result.Study}/series/{result.Series}/instances/{result.SopInstanceUid}"
        );
        request.Headers.Accept.ParseAdd("application/dicom");
        using var response = await SendAsync(_results, request, cancellationToken);
        Check(response);
        await using var content = await response.Content.ReadAsStreamAsync(cancellationToken);
        read(content);
    }

    public void Dispose()
    {
        _intake.Dispose();
        _results.Dispose();
    }

    private static HttpClient Client(EdgeOptions options, Uri address)
    {
        var client = EdgeHttp.Client(options, address);
        client.DefaultRequestHeaders.Add(ApiKeys.Header, options.Key);
        client.DefaultRequestHeaders.Add("x-site", options.Site);
        client.DefaultRequestHeaders.Add("x-priority", options.Priority.ToString());
        return client;
    }

    private static async Task<HttpResponseMessage> SendAsync(
        HttpClient client,
        HttpRequestMessage request,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return await client.SendAsync(
                request,
                HttpCompletionOption.ResponseHeadersRead,
                cancellationToken
            );
        }
        catch (HttpRequestException e)
        {
            var fault = e.HttpRequestError
                is HttpRequestError.ConnectionError
                    or HttpRequestError.NameResolutionError
                    or HttpRequestError.SecureConnectionError
                    or HttpRequestError.ProxyTunnelError
                ? PlatformFault.Unreachable
                : PlatformFault.Failed;
            throw new PlatformException(fault, $"does not answer: {e.HttpRequestError}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PlatformException(
                PlatformFault.Failed,
                "does not answer within Edge:RequestTimeout"
            );
        }
    }

    /// <summary>What the agent's own settings or a gateway on the way may be the cause of, or passes, is not held against the study.</summary>
    private static void Check(HttpResponseMessage response)
    {
        var status = (int)response.StatusCode;
        if (status is >= 200 and < 300)
        {
            return;
        }
        var fault = status switch
        {
            < 400 or 401 or 403 or 404 or 407 or 408 or 429 or 502 or 503 or 504 =>
                PlatformFault.Unreachable,
            >= 500 => PlatformFault.Failed,
            _ => PlatformFault.Refused,
        };
        var after = response.Headers.RetryAfter;
        throw new PlatformException(
            fault,
            string.Create(CultureInfo.InvariantCulture, $"answered {status}"),
            after?.Delta ?? after?.Date - DateTimeOffset.UtcNow
        );
    }

    private static async Task<JsonDocument> ReadAsync(
        HttpResponseMessage response,
        CancellationToken cancellationToken
    )
    {
        await using var content = await response.Content.ReadAsStreamAsync(cancellationToken);
        try
        {
            return await JsonDocument.ParseAsync(content, default, cancellationToken);
        }
        catch (JsonException)
        {
            throw new PlatformException(PlatformFault.Failed, "answered no DICOM JSON");
        }
    }

    private static int Items(JsonDocument answer, string sequence) =>
        answer.RootElement.TryGetProperty(sequence, out var attribute)
        && attribute.TryGetProperty("Value", out var items)
            ? items.GetArrayLength()
            : 0;

    private static string Text(JsonElement instance, string tag) =>
        instance.GetProperty(tag).GetProperty("Value")[0].GetString()!;
}

/// <summary>A result object at the platform, by the UIDs under which the study was sent.</summary>
internal sealed record ResultInstance(string Study, string Series, string SopInstanceUid);

/// <summary>Whose fault it is.</summary>
internal enum PlatformFault
{
    /// <summary>The link's, or a setting's: every study waits.</summary>
    Unreachable,

    /// <summary>Nobody knows: tried again, after other studies.</summary>
    Failed,

    /// <summary>The study's: the same again would be refused again.</summary>
    Refused,
}

/// <summary>The platform did not do what it was asked. The message names nobody.</summary>
internal sealed class PlatformException(
    PlatformFault fault,
    string message,
    TimeSpan? retryAfter = null
) : Exception(message)
{
    public PlatformFault Fault => fault;

    /// <summary>When it wants to be asked again; null where it did not say.</summary>
    public TimeSpan? RetryAfter => retryAfter;
}
