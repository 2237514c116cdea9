using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Platform.Ingest.Tests;

/// <summary>Sends instances by STOW-RS, and reads the answer.</summary>
internal static class StoreClient
{
    public static MultipartContent Body(byte[][] instances)
    {
        var body = new MultipartContent("related", "boundary-of-the-test");
        body.Headers.ContentType!.Parameters.Add(
            new NameValueHeaderValue("type", "\"application/dicom\"")
        );
        foreach (var instance in instances)
        {
            var part = new ByteArrayContent(instance);
            part.Headers.ContentType = new("application/dicom");
            body.Add(part);
        }
        return body;
    }

    public static async Task<Answer> StoreAsync(
        IntakeHost host,
        byte[][] instances,
        string study = "",
        HttpClient? client = null,
        (string Name, string Value)[]? headers = null
    )
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/dicom-web/studies{study}");
        request.Content = Body(instances);
        request.Headers.TransferEncodingChunked = true;
        foreach (var (name, value) in headers ?? [])
        {
            request.Headers.Add(name, value);
        }
        using var response = await (client ?? host.Client).SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        if (response.Content.Headers.ContentType?.MediaType != "application/dicom+json")
        {
            return new(response.StatusCode, [], [], [], response.Headers.RetryAfter?.Delta);
        }
        using var json = JsonDocument.Parse(text);
        return new(
            response.StatusCode,
            [.. Items(json, "00081199").Select(item => Uid(item)!)],
            [
                .. Items(json, "00081199")
                    .Where(item => item.TryGetProperty("00081196", out _))
                    .Select(item => (Uid(item)!, Reason(item, "00081196"))),
            ],
            [
                .. Items(json, "00081198")
                    .Concat(Items(json, "0008119A"))
                    .Select(item => (Uid(item), Reason(item, "00081197"))),
            ],
            null
        );
    }

    private static JsonElement[] Items(JsonDocument json, string tag) =>
        json.RootElement.TryGetProperty(tag, out var sequence)
            ? [.. sequence.GetProperty("Value").EnumerateArray()]
            : [];

    private static int Reason(JsonElement item, string tag) =>
        item.GetProperty(tag).GetProperty("Value")[0].GetInt32();

    private static string? Uid(JsonElement item) =>
        item.TryGetProperty("00081155", out var uid)
            ? uid.GetProperty("Value")[0].GetString()
            : null;

    public sealed record Answer(
        HttpStatusCode Status,
        List<string> Stored,
        List<(string Uid, int Reason)> Warnings,
        List<(string? Uid, int Reason)> Failures,
        TimeSpan? RetryAfter
    );
}
