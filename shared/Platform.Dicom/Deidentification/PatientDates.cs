using System.Globalization;
using System.Text;

namespace Platform.Dicom.Deidentification;

/// <summary>Dates and times of one patient: each date goes back by the same number of days, so that intervals stay; times of day stay.</summary>
internal static class PatientDates
{
    /// <summary>Stands where a date must be and none is told.</summary>
    public const string Dummy = "19000101";

    private const int MostDays = 3650;
    private const int LeastYear = 1850;
    private const int DateDigits = 8;
    private const int MostTimeDigits = 6;

    /// <summary>1 to 3,650 days, by a pseudonym.</summary>
    public static int DaysBack(string pseudonym) =>
        1
        + (int)(
            uint.Parse(
                pseudonym.AsSpan(0, 8),
                NumberStyles.AllowHexSpecifier,
                CultureInfo.InvariantCulture
            ) % MostDays
        );

    /// <summary>The value without anything that is not a date or time: a date as eight digits, not yet shifted; null where it is none.</summary>
    /// <param name="vr">DA, DT or TM.</param>
    /// <param name="value">One value.</param>
    public static string? Normalise(string vr, string value)
    {
        switch (vr)
        {
            case "TM":
                return IsTime(value = value.Replace(":", "", StringComparison.Ordinal))
                    ? value
                    : null;
            case "DA":
                value = value.Replace(".", "", StringComparison.Ordinal);
                return value.Length == DateDigits && IsDate(value, out _) ? value : null;
            default:
                if (value.Length < DateDigits || !IsDate(value[..DateDigits], out _))
                {
                    return null;
                }
                var zone = value.AsSpan(DateDigits).IndexOfAny('+', '-');
                var (time, offset) =
                    zone < 0
                        ? (value[DateDigits..], "")
                        : (value[DateDigits..(DateDigits + zone)], value[(DateDigits + zone)..]);
                return
                    (time.Length == 0 || IsTime(time))
                    && (
                        offset.Length == 0
                        || offset.Length == 5 && offset[1..].All(char.IsAsciiDigit)
                    )
                    ? value
                    : null;
        }
    }

    /// <summary>Shifts the date that each of the values begins with, in place.</summary>
    /// <param name="values">Normalised, with backslashes between.</param>
    /// <param name="days">How far back.</param>
    public static void ShiftBack(Span<byte> values, int days)
    {
        while (values.Length >= DateDigits)
        {
            if (IsDate(Encoding.ASCII.GetString(values[..DateDigits]), out var date))
            {
                Encoding.ASCII.GetBytes(
                    date.AddDays(-days).ToString("yyyyMMdd", CultureInfo.InvariantCulture),
                    values
                );
            }
            var next = values.IndexOf((byte)'\\');
            values = next < 0 ? [] : values[(next + 1)..];
        }
    }

    /// <summary>What stands for no date is none: shifted, it would tell by how much.</summary>
    private static bool IsDate(string digits, out DateOnly date) =>
        DateOnly.TryParseExact(
            digits,
            "yyyyMMdd",
            CultureInfo.InvariantCulture,
            DateTimeStyles.None,
            out date
        )
        && date.Year >= LeastYear
        && digits != Dummy;

    /// <summary>Hours, minutes, seconds, and up to six digits of a fraction.</summary>
    private static bool IsTime(string value)
    {
        var parts = value.Split('.');
        return parts.Length <= 2
            && parts[0].Length is 2 or 4 or MostTimeDigits
            && parts[^1].Length is >= 1 and <= MostTimeDigits
            && parts.All(part => part.All(char.IsAsciiDigit));
    }
}
