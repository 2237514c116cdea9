using Npgsql;
using Platform.Testing;

namespace Platform.Hosting.Tests;

public sealed class PostgresServerTests(PostgresServer server) : IClassFixture<PostgresServer>
{
    [Fact]
    public async Task Every_test_has_a_database_of_its_own()
    {
        foreach (var _ in Enumerable.Range(0, 2))
        {
            await using var connection = new NpgsqlConnection(await server.CreateDatabaseAsync());
            await connection.OpenAsync();
            await using var create = new NpgsqlCommand("CREATE TABLE a (b int)", connection);
            await create.ExecuteNonQueryAsync();
        }
    }
}
