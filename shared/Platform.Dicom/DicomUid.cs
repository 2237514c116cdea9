using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Platform.Dicom;

/// <summary>Unique identifiers without a registered root (PS3.5 annex B.2): "2.25." and a UUID as a whole number.</summary>
public static class DicomUid
{
    /// <summary>The same name gives the same identifier, another name another: what is made twice from the same is the same object.</summary>
    /// <param name="name">Anything that says what is identified; it cannot be read back.</param>
    public static string FromName(string name)
    {
        var uuid = SHA256.HashData(Encoding.UTF8.GetBytes(name)).AsSpan(0, 16).ToArray();
        // RFC 9562: version 8, variant 10.
        uuid[6] = (byte)(uuid[6] & 0x0F | 0x80);
        uuid[8] = (byte)(uuid[8] & 0x3F | 0x80);
        return FromPseudonym(Convert.ToHexStringLower(uuid));
    }

    /// <summary>The identifier of a pseudonym.</summary>
    /// <param name="pseudonym">128 bits as hexadecimal digits.</param>
    /// <exception cref="ArgumentException">Not 32 hexadecimal digits.</exception>
    public static string FromPseudonym(string pseudonym) =>
        pseudonym.Length == 32
        && UInt128.TryParse(
            pseudonym,
            NumberStyles.AllowHexSpecifier,
            CultureInfo.InvariantCulture,
            out var number
        )
            ? string.Create(CultureInfo.InvariantCulture, $"2.25.{number}")
            : throw new ArgumentException(
                $"a pseudonym has 32 hexadecimal digits, this one {pseudonym.Length} characters",
                nameof(pseudonym)
            );
}
