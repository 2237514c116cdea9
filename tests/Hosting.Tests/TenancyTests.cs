using System.IdentityModel.Tokens.Jwt;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text.Json;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;
using Platform.Contracts.Grpc;
using Platform.Imaging;
using Platform.Testing;

namespace Platform.Hosting.Tests;

public sealed class TenancyTests : IAsyncLifetime, IDisposable
{
    private static readonly byte[] SigningKey = RandomNumberGenerator.GetBytes(32);

    private readonly TemporaryFolder _folder = new();
    private readonly (string Key, string Hash) _general = ApiKeys.New();
    private readonly (string Key, string Hash) _children = ApiKeys.New();
    private WebApplication _host = null!;
    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        _host = await TestHost.StartAsync(
            new()
            {
                ["Blobs:Path"] = _folder.Path,
                ["Tenants:0:Name"] = "general",
                ["Tenants:0:Sites:0"] = "north",
                ["Tenants:0:KeyHashes:0"] = _general.Hash,
                ["Tenants:0:StudySecret"] = Convert.ToBase64String(new byte[32]),
                ["Tenants:1:Name"] = "children",
                ["Tenants:1:KeyHashes:0"] = _children.Hash.ToUpperInvariant(),
                ["Tenants:1:StudySecret"] = Convert.ToBase64String(new byte[32]),
                ["Auth:Jwt:SigningKey"] = Convert.ToBase64String(SigningKey),
                ["Auth:Jwt:Audience"] = "platform",
            },
            map: app =>
            {
                app.MapGet("/who", (HttpContext context) => context.User.Tenant());
                app.MapGet("/open", () => "open").AllowAnonymous();
                app.MapGet(
                    "/broken",
                    string () => throw new InvalidOperationException("secret inside")
                );
                app.MapGet(
                    "/bad-volume",
                    string () => throw new VolumeException(VolumeFault.BadGeometry, "spacing 0 mm")
                );
                app.MapGet("/missing", string () => throw new BlobNotFoundException("a/b"));
                app.MapGrpcService<Watcher>();
            }
        );
        _http = new() { BaseAddress = new(_host.Urls.First()) };
    }

    [Fact]
    public async Task A_key_names_its_tenant()
    {
        Assert.Equal("general", await GetAsync("/who", _general.Key));
        Assert.Equal("children", await GetAsync("/who", _children.Key));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("wrong")]
    [InlineData("")]
    public async Task A_call_without_a_known_key_is_told_so_in_problem_details(string? key)
    {
        using var answer = await SendAsync("/who", key);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal("unknown key", (await JsonAsync(answer)).GetProperty("title").GetString());
    }

    [Fact]
    public async Task Only_endpoints_that_say_so_are_open()
    {
        Assert.Equal("open", await GetAsync("/open", null));
        foreach (
            var path in new[] { "/health/live", "/health/ready", "/health/startup", "/metrics" }
        )
        {
            using var answer = await SendAsync(path, null);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
        using var none = await SendAsync("/no-such-page", null);
        Assert.Equal(HttpStatusCode.Unauthorized, none.StatusCode);
    }

    [Theory]
    [InlineData("/broken", 500, "internal error", null)]
    [InlineData("/bad-volume", 400, "BadGeometry", "spacing 0 mm")]
    [InlineData("/missing", 404, "not found", null)]
    public async Task An_exception_becomes_problem_details_without_internals(
        string path,
        int status,
        string title,
        string? detail
    )
    {
        using var answer = await SendAsync(path, _general.Key);
        Assert.Equal(status, (int)answer.StatusCode);
        var problem = await JsonAsync(answer);
        Assert.Equal(title, problem.GetProperty("title").GetString());
        Assert.Equal(
            detail,
            problem.TryGetProperty("detail", out var text) ? text.GetString() : null
        );
        Assert.DoesNotContain("secret inside", problem.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("general", "platform", true)]
    [InlineData("nobody", "platform", false)]
    [InlineData("general", "other", false)]
    public async Task A_bearer_token_names_a_tenant_of_this_deployment(
        string tenant,
        string audience,
        bool accepted
    )
    {
        var token = new JwtSecurityTokenHandler().CreateEncodedJwt(
            new SecurityTokenDescriptor
            {
                Subject = new ClaimsIdentity([new Claim("tenant", tenant)]),
                Audience = audience,
                Expires = DateTime.UtcNow.AddMinutes(5),
                SigningCredentials = new(
                    new SymmetricSecurityKey(SigningKey),
                    SecurityAlgorithms.HmacSha256
                ),
            }
        );
        using var request = new HttpRequestMessage(HttpMethod.Get, "/who");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var answer = await _http.SendAsync(request);
        Assert.Equal(accepted ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task Grpc_calls_carry_the_key_and_get_status_codes()
    {
        using var channel = GrpcChannel.ForAddress(_host.Urls.Last());
        var studies = new Studies.StudiesClient(channel);
        Assert.Equal("general", await WatchAsync(studies, "who", _general.Key));
        Assert.Equal(StatusCode.Unauthenticated, await RefusedAsync(studies, "who", "wrong"));
        Assert.Equal(
            StatusCode.InvalidArgument,
            await RefusedAsync(studies, "volume", _general.Key)
        );
        Assert.Equal(StatusCode.NotFound, await RefusedAsync(studies, "blob", _general.Key));
        Assert.Equal(StatusCode.Internal, await RefusedAsync(studies, "bug", _general.Key));
    }

    [Fact]
    public void A_study_id_is_the_same_for_the_same_identity_and_tells_tenants_apart()
    {
        var tenants = _host.Services.GetRequiredService<TenantDirectory>();
        var id = tenants.PseudonymOf("general", "1.2.3");
        Assert.Matches("^[0-9a-f]{32}$", id);
        Assert.Equal(id, tenants.PseudonymOf("general", "1.2.3"));
        Assert.NotEqual(id, tenants.PseudonymOf("general", "1.2.4"));
        // The two tenants' secrets are equal here: the name alone separates them.
        Assert.NotEqual(id, tenants.PseudonymOf("children", "1.2.3"));
        Assert.Equal(["children", "general"], tenants.Names);
        Assert.True(tenants.HasSite("general", "north"));
        Assert.False(tenants.HasSite("general", "default"));
        Assert.True(tenants.HasSite("children", "default"));
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    public void Dispose()
    {
        _http.Dispose();
        _folder.Dispose();
    }

    private async Task<HttpResponseMessage> SendAsync(string path, string? key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (key is not null)
        {
            request.Headers.Add(ApiKeys.Header, key);
        }
        return await _http.SendAsync(request);
    }

    private async Task<string> GetAsync(string path, string? key)
    {
        using var answer = await SendAsync(path, key);
        answer.EnsureSuccessStatusCode();
        return await answer.Content.ReadAsStringAsync();
    }

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage answer) =>
        JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;

    private static async Task<string> WatchAsync(
        Studies.StudiesClient studies,
        string what,
        string key
    )
    {
        using var call = studies.Watch(
            new WatchRequest { StudyId = what },
            new Metadata { { ApiKeys.Header, key } }
        );
        Assert.True(await call.ResponseStream.MoveNext(default));
        return call.ResponseStream.Current.Detail;
    }

    private static async Task<StatusCode> RefusedAsync(
        Studies.StudiesClient studies,
        string what,
        string key
    ) => (await Assert.ThrowsAsync<RpcException>(() => WatchAsync(studies, what, key))).StatusCode;

    private sealed class Watcher : Studies.StudiesBase
    {
        public override Task Watch(
            WatchRequest request,
            IServerStreamWriter<StudyProgress> responses,
            ServerCallContext context
        ) =>
            request.StudyId switch
            {
                "volume" => throw new VolumeException(VolumeFault.BadVoxels, "NaN"),
                "blob" => throw new BlobNotFoundException("a/b"),
                "bug" => throw new InvalidOperationException("bug"),
                _ => responses.WriteAsync(
                    new StudyProgress { Detail = context.GetHttpContext().User.Tenant() }
                ),
            };
    }
}
