namespace Platform.Dicom.Deidentification;

/// <summary>A private attribute that holds no identity.</summary>
/// <param name="Creator">Its private creator, exactly.</param>
/// <param name="Group">Odd.</param>
/// <param name="Element">The last two digits of its element number: what the creator reserved comes before them.</param>
/// <param name="Vr">Value representation; what does not parse as one is removed. CS of known terms, IS, DS and binary numbers; OB for the header of Siemens alone, of which numbers are kept.</param>
public sealed record PrivateElement(string Creator, ushort Group, byte Element, string Vr);

/// <summary>
/// What a site chooses beside the Basic Application Level Confidentiality Profile (PS3.15 annex E). By default the profile alone; the names are those of
/// its options, and deidentification.md says what each does to every attribute.
/// </summary>
public sealed record DeidentificationPolicy
{
    /// <summary>Keeps sex, age (90 years and above as 090Y), size, weight, smoking status and pregnancy status.</summary>
    public bool RetainPatientCharacteristics { get; init; }

    /// <summary>
    /// Keeps manufacturer, model, software, serial number and station as they are. Without it a known manufacturer keeps its name, and the model is a
    /// pseudonym: the same scanner gives the same one.
    /// </summary>
    public bool RetainDeviceIdentity { get; init; }

    /// <summary>Keeps name, address and department of the institution.</summary>
    public bool RetainInstitution { get; init; }

    /// <summary>Shifts every date back by 1 to 3,650 days, the same for all of a patient, and keeps times of day. Without it dates are removed.</summary>
    public bool RetainLongitudinalDates { get; init; }

    /// <summary>Keeps UIDs as they are. Without it each that is not the standard's own is a pseudonym.</summary>
    public bool RetainUids { get; init; }

    /// <summary>Keeps, of descriptions of series, study and protocol, the words that name sequences, planes and body parts.</summary>
    public bool CleanDescriptors { get; init; }

    /// <summary>The private attributes that are kept; by default those that place frames and diffusion weighting.</summary>
    public IReadOnlyList<PrivateElement> SafePrivate { get; init; } = KnownSafePrivate;

    /// <summary>Numbers that the scanners of Siemens, GE and Philips write beside the standard's attributes.</summary>
    public static IReadOnlyList<PrivateElement> KnownSafePrivate { get; } =
    [
        new("SIEMENS MR HEADER", 0x0019, 0x0A, "US"), // images in the mosaic
        new("SIEMENS MR HEADER", 0x0019, 0x0C, "IS"), // b-value
        new("SIEMENS MR HEADER", 0x0019, 0x0D, "CS"), // diffusion directionality
        new("SIEMENS MR HEADER", 0x0019, 0x0E, "FD"), // diffusion gradient direction
        new("SIEMENS MR HEADER", 0x0019, 0x27, "FD"), // b-matrix
        new("SIEMENS MR HEADER", 0x0019, 0x28, "FD"), // bandwidth a pixel in the phase direction
        new("SIEMENS MR HEADER", 0x0019, 0x29, "FD"), // times of the slices of the mosaic
        new(SiemensHeader.Creator, 0x0029, 0x10, SiemensHeader.Vr), // the numbers of its header
        new("GEMS_ACQU_01", 0x0019, 0xBB, "DS"), // diffusion direction, x
        new("GEMS_ACQU_01", 0x0019, 0xBC, "DS"), // y
        new("GEMS_ACQU_01", 0x0019, 0xBD, "DS"), // z
        new("GEMS_PARM_01", 0x0043, 0x39, "IS"), // b-value
        new("Philips Imaging DD 001", 0x2001, 0x03, "FL"), // b-value
        new("Philips Imaging DD 001", 0x2001, 0x04, "CS"), // diffusion direction
        new("Philips Imaging DD 001", 0x2001, 0x08, "IS"), // phase number
        new("Philips Imaging DD 001", 0x2001, 0x0A, "IS"), // slice number
        new("Philips MR Imaging DD 001", 0x2005, 0x0D, "FL"), // scale intercept
        new("Philips MR Imaging DD 001", 0x2005, 0x0E, "FL"), // scale slope
        new("Philips MR Imaging DD 001", 0x2005, 0xB0, "FL"), // diffusion direction, right to left
        new("Philips MR Imaging DD 001", 0x2005, 0xB1, "FL"), // anterior to posterior
        new("Philips MR Imaging DD 001", 0x2005, 0xB2, "FL"), // feet to head
    ];

    internal bool Retains(DeidentificationOption option) =>
        option switch
        {
            DeidentificationOption.Patient => RetainPatientCharacteristics,
            DeidentificationOption.Device => RetainDeviceIdentity,
            DeidentificationOption.Institution => RetainInstitution,
            DeidentificationOption.Dates => RetainLongitudinalDates,
            DeidentificationOption.Uids => RetainUids,
            DeidentificationOption.Descriptors => CleanDescriptors,
            _ => false,
        };

    /// <summary>The profile and the options as codes of context group 7050 (PS3.16).</summary>
    internal IEnumerable<DicomCode> Codes()
    {
        yield return new("113100", "DCM", "Basic Application Confidentiality Profile");
        if (CleanDescriptors)
        {
            yield return new("113105", "DCM", "Clean Descriptors Option");
        }
        if (RetainLongitudinalDates)
        {
            yield return new(
                "113107",
                "DCM",
                "Retain Longitudinal Temporal Information Modified Dates Option"
            );
        }
        if (RetainPatientCharacteristics)
        {
            yield return new("113108", "DCM", "Retain Patient Characteristics Option");
        }
        if (RetainDeviceIdentity)
        {
            yield return new("113109", "DCM", "Retain Device Identity Option");
        }
        if (RetainUids)
        {
            yield return new("113110", "DCM", "Retain UIDs Option");
        }
        if (SafePrivate.Count > 0)
        {
            yield return new("113111", "DCM", "Retain Safe Private Option");
        }
        if (RetainInstitution)
        {
            yield return new("113112", "DCM", "Retain Institution Identity Option");
        }
    }
}
