using System.Security.Cryptography;
using Platform.Hosting;

namespace Platform.Standalone;

/// <summary>
/// The folder an embedded platform lives in: blobs, the SQLite read model, and the secrets of its one tenant.
/// A second run on the same folder finds every earlier result.
/// </summary>
public sealed class LocalStore
{
    /// <summary>The one tenant.</summary>
    public const string Tenant = "local";

    private readonly string _root;

    /// <summary>Opens or makes the folder.</summary>
    /// <param name="root">Null: "platform" in the user's data folder.</param>
    public LocalStore(string? root)
    {
        _root = root is null
            ? Path.Combine(
                Environment.GetFolderPath(
                    Environment.SpecialFolder.LocalApplicationData,
                    Environment.SpecialFolderOption.Create
                ),
                "platform"
            )
            : Path.GetFullPath(root);
        Directory.CreateDirectory(_root);
    }

    /// <summary>The tenant's API key: made on first use, readable by the folder's owner alone.</summary>
    public string ApiKey => Secret("api-key", () => ApiKeys.New().Key);

    /// <summary>Configuration that makes a standalone process live in this folder.</summary>
    public Dictionary<string, string?> Settings() =>
        new()
        {
            ["Bus:Transport"] = "InMemory",
            ["Blobs:Provider"] = "Folder",
            ["Blobs:Path"] = Path.Combine(_root, "blobs"),
            ["Packages:Path"] = Path.Combine(AppContext.BaseDirectory, "packages"),
            ["Ingest:SpoolPath"] = Path.Combine(_root, "spool"),
            ["Results:Database"] = "Sqlite",
            ["Results:ConnectionString"] = $"Data Source={Path.Combine(_root, "results.db")}",
            ["Tenants:0:Name"] = Tenant,
            ["Tenants:0:Sites:0"] = "default",
            ["Tenants:0:KeyHashes:0"] = ApiKeys.HashOf(ApiKey),
            ["Tenants:0:StudySecret"] = Secret(
                "study-secret",
                () => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))
            ),
        };

    private string Secret(string name, Func<string> make)
    {
        var path = Path.Combine(_root, name);
        if (!File.Exists(path))
        {
            var draft = $"{path}.{Guid.NewGuid():n}";
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
            };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }
            using (var file = new FileStream(draft, options))
            {
                file.Write(System.Text.Encoding.ASCII.GetBytes(make()));
            }
            try
            {
                File.Move(draft, path, overwrite: false);
            }
            catch (IOException) when (File.Exists(path))
            {
                File.Delete(draft);
            }
        }
        return File.ReadAllText(path).Trim();
    }
}
