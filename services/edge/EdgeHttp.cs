using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Platform.Edge;

/// <summary>How the agent connects.</summary>
internal static class EdgeHttp
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(15);

    /// <summary>A client of an address, which may end in a path.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">Edge:CertificateAuthority is no PEM file of certificates.</exception>
    public static HttpClient Client(EdgeOptions options, Uri address)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = ConnectTimeout,
            // What is found at a name may move, and a day's connection would not notice.
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            AllowAutoRedirect = false,
            UseProxy = !address.IsLoopback,
            SslOptions = Tls(options),
        };
        return new HttpClient(handler)
        {
            BaseAddress = new Uri($"{address.AbsoluteUri.TrimEnd('/')}/"),
            Timeout = options.RequestTimeout,
        };
    }

    private static SslClientAuthenticationOptions Tls(EdgeOptions options)
    {
        if (options.CertificateAuthority is null)
        {
            return new();
        }
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.ImportFromPemFile(options.CertificateAuthority);
        return new() { CertificateChainPolicy = policy };
    }
}
