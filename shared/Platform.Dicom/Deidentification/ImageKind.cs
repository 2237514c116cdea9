namespace Platform.Dicom.Deidentification;

/// <summary>Whether an image may show who it is of.</summary>
internal static class ImageKind
{
    /// <summary>Classes of objects that usually carry text in their pixels (PS3.4 annex B.5); those below them too.</summary>
    private static readonly string[] Annotated =
    [
        "1.2.840.10008.5.1.4.1.1.7", // secondary capture
        "1.2.840.10008.5.1.4.1.1.6.1", // ultrasound
        "1.2.840.10008.5.1.4.1.1.3.1", // ultrasound, several frames
        "1.2.840.10008.5.1.4.1.1.77.1", // visible light
        "1.2.840.10008.5.1.4.1.1.104", // documents
    ];

    private static readonly string[] Screens =
    [
        "SCREEN SAVE",
        "SCREENSHOT",
        "CSA REPORT",
        "EVAREPORT",
    ];

    /// <summary>Whether text may be in the pixels.</summary>
    /// <param name="stated">BurnedInAnnotation.</param>
    /// <param name="sopClass">SOPClassUID.</param>
    /// <param name="imageType">Values of ImageType, with backslashes between.</param>
    /// <param name="photometric">PhotometricInterpretation.</param>
    public static bool MayShowText(
        string stated,
        string sopClass,
        string imageType,
        string photometric
    ) =>
        stated switch
        {
            "YES" => true,
            "NO" => false,
            _ => Annotated.Any(kind =>
                sopClass == kind || sopClass.StartsWith(kind + '.', StringComparison.Ordinal)
            )
                || imageType.Split('\\').Intersect(Screens).Any()
                || photometric is not ("" or "MONOCHROME1" or "MONOCHROME2"),
        };
}
