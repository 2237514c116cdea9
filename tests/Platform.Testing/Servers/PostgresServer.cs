using System.Diagnostics;
using System.Security.Cryptography;
using Npgsql;
using Xunit;

namespace Platform.Testing;

/// <summary>
/// A real PostgreSQL on a free loopback port. PostgreSQL refuses to run as root: there it runs as the user "postgres" of its package.
/// Share it as a fixture and take a fresh database a test.
/// </summary>
public sealed class PostgresServer : IAsyncLifetime
{
    private const string Username = "tests";

    private readonly TemporaryFolder _folder = new();
    private readonly int _port = ServerProcess.FreePorts(1)[0];
    private readonly string _password = RandomNumberGenerator.GetHexString(32);
    private ServerProcess? _server;

    /// <summary>A new database, for one test.</summary>
    /// <returns>Its connection string.</returns>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = $"t{Guid.NewGuid():n}";
        await using var connection = new NpgsqlConnection(ConnectionString("postgres"));
        await connection.OpenAsync();
        await using var create = new NpgsqlCommand($"CREATE DATABASE {name}", connection);
        await create.ExecuteNonQueryAsync();
        return ConnectionString(name);
    }

    /// <summary>Makes and starts the server; about 2 s.</summary>
    public async Task InitializeAsync()
    {
        var folders = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Order().Reverse()
            : [];
        var postgres = ServerProcess.Find(
            "PostgreSQL",
            "apt-get install postgresql",
            ServerProcess.Places("postgres", folders.Select(f => Path.Combine(f, "bin")))
        );
        var work = Directory.CreateDirectory(_folder["work"]);
        await File.WriteAllTextAsync(_folder["work/password"], _password);
        string[] asUser = [];
        if (Environment.UserName == "root")
        {
            asUser = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];
            await RunAsync("chmod", "o+x", _folder.Path);
            await RunAsync("chown", "-R", "postgres:", work.FullName);
        }
        await RunAsync([
            .. asUser,
            Path.Combine(Path.GetDirectoryName(postgres)!, "initdb"),
            "--pgdata",
            _folder["work/data"],
            "--username",
            Username,
            "--pwfile",
            _folder["work/password"],
            "--auth",
            "scram-sha-256",
            "--encoding",
            "UTF8",
            "--no-sync",
        ]);
        _server = new(
            "PostgreSQL",
            _folder["postgres.log"],
            new Dictionary<string, string>(),
            [
                .. asUser,
                postgres,
                "-D",
                _folder["work/data"],
                "-h",
                "127.0.0.1",
                "-p",
                $"{_port}",
                "-k",
                work.FullName,
            ]
        );
        await _server.ReadyAsync(
            async () =>
            {
                await using var connection = new NpgsqlConnection(ConnectionString("postgres"));
                await connection.OpenAsync();
            },
            TimeSpan.FromSeconds(30)
        );
    }

    public Task DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        _server?.Dispose();
        _folder.Dispose();
        return Task.CompletedTask;
    }

    private string ConnectionString(string database) =>
        new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = _port,
            Username = Username,
            Password = _password,
            Database = database,
        }.ConnectionString;

    private async Task RunAsync(params IReadOnlyList<string> command)
    {
        using var process = Process.Start(
            new ProcessStartInfo(command[0], command.Skip(1))
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = _folder.Path,
            }
        )!;
        var printed = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        await printed;
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{command[0]} failed: {error}");
        }
    }
}
