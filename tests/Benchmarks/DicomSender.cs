using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Platform.Benchmarks;

/// <summary>Sends instances by STOW-RS.</summary>
/// <param name="studies">Address that takes them.</param>
/// <param name="authorize">Adds the credentials to a request.</param>
sealed class DicomSender(Uri studies, Action<HttpRequestHeaders> authorize) : IDisposable
{
    const string Boundary = "instances-of-the-benchmark";

    readonly HttpClient _client = new() { Timeout = TimeSpan.FromMinutes(5) };

    /// <summary>Sends all, <paramref name="together"/> instances in a request and several requests at a time.</summary>
    /// <exception cref="InvalidOperationException">An instance was not stored.</exception>
    public Task SendAsync(
        IEnumerable<PhantomInstance> instances,
        int together,
        int requestsAtOnce
    ) =>
        Parallel.ForEachAsync(
            instances.Chunk(together),
            new ParallelOptions { MaxDegreeOfParallelism = requestsAtOnce },
            async (part, token) => await SendAsync(part, token)
        );

    public void Dispose() => _client.Dispose();

    async Task SendAsync(PhantomInstance[] instances, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, studies);
        authorize(request.Headers);
        request.Headers.Accept.ParseAdd("application/dicom+json");
        request.Content = new InstancesContent(instances);
        using var response = await _client.SendAsync(request, cancellationToken);
        var body = await response.Content.ReadAsStringAsync(cancellationToken);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw new InvalidOperationException(
                $"{studies} answered {(int)response.StatusCode}: {body}"
            );
        }
        using var answer = JsonDocument.Parse(body);
        var stored = answer
            .RootElement.GetProperty("00081199")
            .GetProperty("Value")
            .GetArrayLength();
        if (stored != instances.Length)
        {
            throw new InvalidOperationException(
                $"{studies} stored {stored} of {instances.Length} instances"
            );
        }
    }

    /// <summary>multipart/related of known length, written from where the instances lie.</summary>
    sealed class InstancesContent : HttpContent
    {
        static readonly byte[] PartHead = Encoding.ASCII.GetBytes(
            $"\r\n--{Boundary}\r\nContent-Type: application/dicom\r\n\r\n"
        );
        static readonly byte[] End = Encoding.ASCII.GetBytes($"\r\n--{Boundary}--\r\n");

        readonly PhantomInstance[] _instances;

        public InstancesContent(PhantomInstance[] instances)
        {
            _instances = instances;
            Headers.ContentType = MediaTypeHeaderValue.Parse(
                $"multipart/related; type=\"application/dicom\"; boundary={Boundary}"
            );
        }

        protected override async Task SerializeToStreamAsync(
            Stream stream,
            TransportContext? context
        )
        {
            foreach (var instance in _instances)
            {
                await stream.WriteAsync(PartHead);
                await stream.WriteAsync(instance.Attributes);
                await stream.WriteAsync(instance.Pixels);
            }
            await stream.WriteAsync(End);
        }

        protected override bool TryComputeLength(out long length)
        {
            length =
                _instances.Sum(instance => (long)instance.Length + PartHead.Length) + End.Length;
            return true;
        }
    }
}
