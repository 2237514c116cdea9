using System.ComponentModel.DataAnnotations;

namespace Platform.Hosting;

/// <summary>Section "Auth:Jwt": bearer tokens beside keys, where an authority or a signing key is set. The token's claim "tenant" names the hospital.</summary>
public sealed class JwtOptions : IValidatableObject
{
    /// <summary>The OpenID Connect issuer whose keys sign the tokens.</summary>
    public string? Authority { get; init; }

    /// <summary>The audience a token must be for.</summary>
    public string? Audience { get; init; }

    /// <summary>A symmetric key instead of an authority: at least 32 bytes in base64.</summary>
    public string? SigningKey { get; init; }

    internal bool Enabled => !string.IsNullOrEmpty(Authority) || !string.IsNullOrEmpty(SigningKey);

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Enabled && string.IsNullOrEmpty(Audience))
        {
            yield return new("needed where tokens are accepted", [nameof(Audience)]);
        }
        if (!string.IsNullOrEmpty(SigningKey))
        {
            var key = new byte[SigningKey.Length];
            if (!Convert.TryFromBase64String(SigningKey, key, out var length) || length < 32)
            {
                yield return new("at least 32 bytes in base64", [nameof(SigningKey)]);
            }
        }
    }
}
