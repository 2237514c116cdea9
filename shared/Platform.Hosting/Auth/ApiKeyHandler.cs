using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Platform.Hosting;

/// <summary>Finds the tenant of the <c>x-api-key</c> header; the same for REST and gRPC.</summary>
internal sealed class ApiKeyHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory loggers,
    UrlEncoder encoder,
    TenantDirectory tenants
) : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (!Request.Headers.TryGetValue(ApiKeys.Header, out var values))
        {
            return Task.FromResult(AuthenticateResult.NoResult());
        }
        if (tenants.CallerOf(values.ToString()) is not { } caller)
        {
            return Task.FromResult(AuthenticateResult.Fail("unknown key"));
        }
        var identity = new ClaimsIdentity([new(Tenancy.Claim, caller.Tenant)], Scheme.Name);
        if (caller.IsGateway)
        {
            identity.AddClaim(new(Tenancy.GatewayClaim, "true"));
        }
        return Task.FromResult(
            AuthenticateResult.Success(new(new ClaimsPrincipal(identity), Scheme.Name))
        );
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties) =>
        Unauthorised.WriteAsync(Context);
}

/// <summary>The answer to a call without a valid key: problem details, or for gRPC its own status.</summary>
internal static class Unauthorised
{
    private const string GrpcUnauthenticated = "16";

    public static async Task WriteAsync(HttpContext context)
    {
        if (
            context.Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal)
            == true
        )
        {
            context.Response.StatusCode = StatusCodes.Status200OK;
            context.Response.ContentType = "application/grpc";
            context.Response.Headers["grpc-status"] = GrpcUnauthenticated;
            context.Response.Headers["grpc-message"] = "unknown key";
            return;
        }
        context.Response.Headers.WWWAuthenticate = $"ApiKey realm=\"{ApiKeys.Header}\"";
        await Results
            .Problem(
                title: "unknown key",
                detail: $"Send a key of your hospital in the {ApiKeys.Header} header.",
                statusCode: StatusCodes.Status401Unauthorized
            )
            .ExecuteAsync(context);
    }
}
