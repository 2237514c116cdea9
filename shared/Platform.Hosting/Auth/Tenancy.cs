using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace Platform.Hosting;

/// <summary>Who calls: every endpoint needs a tenant unless it allows anonymous calls explicitly.</summary>
public static class Tenancy
{
    internal const string Claim = "tenant";
    internal const string GatewayClaim = "gateway";
    private const string ApiKeyScheme = "ApiKey";

    /// <summary>The caller's tenant, for HTTP and gRPC (<c>context.GetHttpContext().User.Tenant()</c>).</summary>
    /// <exception cref="InvalidOperationException">An anonymous endpoint asked for it.</exception>
    public static string Tenant(this ClaimsPrincipal user) =>
        user.FindFirstValue(Claim)
        ?? throw new InvalidOperationException(
            "the caller has no tenant: the endpoint is anonymous"
        );

    /// <summary>Whether the caller is its hospital's own gateway, to which alone results are sent that name patients.</summary>
    public static bool IsGateway(this ClaimsPrincipal user) => user.HasClaim(GatewayClaim, "true");

    internal static void AddTenancy(this IHostApplicationBuilder builder)
    {
        builder.AddValidatedOptions<TenantsOptions>("Tenants");
        builder.Services.AddSingleton<TenantDirectory>();
        var jwt = builder.Configuration.ReadValidated<JwtOptions>("Auth:Jwt");
        var authentication = builder
            .Services.AddAuthentication(options => options.DefaultScheme = "Platform")
            .AddPolicyScheme(
                "Platform",
                null,
                options =>
                    options.ForwardDefaultSelector = context =>
                        jwt.Enabled && context.Request.Headers.ContainsKey("Authorization")
                            ? JwtBearerDefaults.AuthenticationScheme
                            : ApiKeyScheme
            )
            .AddScheme<AuthenticationSchemeOptions, ApiKeyHandler>(ApiKeyScheme, null);
        if (jwt.Enabled)
        {
            authentication.AddJwtBearer(options => Configure(options, jwt));
        }
        builder
            .Services.AddAuthorizationBuilder()
            .SetFallbackPolicy(
                new AuthorizationPolicyBuilder()
                    .RequireAuthenticatedUser()
                    .RequireClaim(Claim)
                    .Build()
            );
    }

    private static void Configure(JwtBearerOptions options, JwtOptions jwt)
    {
        options.Authority = jwt.Authority;
        options.Audience = jwt.Audience;
        options.MapInboundClaims = false;
        options.TokenValidationParameters.ValidateIssuer = !string.IsNullOrEmpty(jwt.Authority);
        if (!string.IsNullOrEmpty(jwt.SigningKey))
        {
            options.TokenValidationParameters.IssuerSigningKey = new SymmetricSecurityKey(
                Convert.FromBase64String(jwt.SigningKey)
            );
        }
        options.Events = new()
        {
            OnTokenValidated = context =>
            {
                var tenants =
                    context.HttpContext.RequestServices.GetRequiredService<TenantDirectory>();
                if (
                    context.Principal?.FindFirstValue(Claim) is not { } tenant
                    || !tenants.Contains(tenant)
                )
                {
                    context.Fail("the token names no tenant of this deployment");
                }
                return Task.CompletedTask;
            },
            OnChallenge = context =>
            {
                context.HandleResponse();
                return Unauthorised.WriteAsync(context.HttpContext);
            },
        };
    }
}
