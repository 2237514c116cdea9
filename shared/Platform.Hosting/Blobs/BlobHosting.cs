using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Platform.Hosting;

/// <summary>Adds the blob store to a host.</summary>
public static class BlobHosting
{
    /// <summary>
    /// Adds <see cref="IBlobStore"/> and <see cref="VolumeStore"/> as section "Blobs" says, and installs the packages of
    /// "Packages:Path" before consumers start. Calling it twice is harmless.
    /// </summary>
    public static void AddBlobs(this IHostApplicationBuilder builder)
    {
        if (builder.Services.Any(s => s.ServiceType == typeof(IBlobStore)))
        {
            return;
        }
        builder.AddValidatedOptions<BlobOptions>("Blobs");
        builder.AddValidatedOptions<PackageOptions>("Packages");
        builder.Services.AddSingleton<IBlobStore>(services =>
        {
            var options = services.GetRequiredService<IOptions<BlobOptions>>().Value;
            return options.Provider == BlobProvider.Azure
                ? new AzureBlobStore(options.ConnectionString!)
                : new FolderBlobStore(options.Path!);
        });
        builder.Services.AddSingleton<VolumeStore>();
        builder.Services.AddSingleton<IdentityVault>();
        builder.Services.AddHostedService<PackageSeeder>();
    }
}
