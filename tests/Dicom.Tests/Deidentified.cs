using System.Security.Cryptography;
using System.Text;
using Platform.Dicom.Deidentification;
using Platform.Testing;

namespace Platform.Dicom.Tests;

/// <summary>What tests of de-identification share.</summary>
internal static class Deidentified
{
    public const string ExplicitLittleEndian = "1.2.840.10008.1.2.1";
    public const string MrImage = "1.2.840.10008.5.1.4.1.1.4";

    public static readonly DeidentificationPolicy AllOptions = new()
    {
        RetainPatientCharacteristics = true,
        RetainDeviceIdentity = true,
        RetainInstitution = true,
        RetainLongitudinalDates = true,
        RetainUids = true,
        CleanDescriptors = true,
    };

    public static readonly DeidentificationPolicy Dates = new() { RetainLongitudinalDates = true };

    public static string PseudonymOf(string identity) =>
        Convert.ToHexStringLower(
            HMACSHA256.HashData("a tenant's secret"u8, Encoding.UTF8.GetBytes(identity))
        )[..32];

    public static string Uid(string uid) => DicomUid.FromPseudonym(PseudonymOf($"dicom:{uid}"));

    public static (DeidentifiedInstance Instance, byte[] Bytes) Copy(
        byte[] file,
        DeidentificationPolicy? policy = null
    )
    {
        using var target = new MemoryStream();
        var instance = new Deidentifier(policy ?? new(), PseudonymOf).Copy(
            new MemoryStream(file),
            target
        );
        return (instance, target.ToArray());
    }

    public static (DeidentifiedInstance Instance, byte[] Bytes) Copy(
        IEnumerable<DicomElement> elements,
        DeidentificationPolicy? policy = null,
        string syntax = ExplicitLittleEndian
    ) => Copy(DicomElement.File(syntax, elements), policy);

    /// <summary>What an instance must have, and these.</summary>
    public static IEnumerable<DicomElement> Instance(params DicomElement[] elements) =>
        new[]
        {
            DicomElement.Text(0x0008_0016, "UI", MrImage),
            DicomElement.Text(0x0008_0018, "UI", "1.2.3.4.5"),
            DicomElement.Text(0x0010_0020, "LO", "MRN 4711"),
            DicomElement.Text(0x0020_000D, "UI", "1.2.3"),
            DicomElement.Text(0x0020_000E, "UI", "1.2.3.4"),
        }
            .Where(usual => elements.All(element => element.Tag != usual.Tag))
            .Concat(elements);

    /// <summary>Each element of the copy by its path: tags of eight digits, sequences and the numbers of their items with slashes between.</summary>
    public static Dictionary<string, byte[]> Read(byte[] file)
    {
        using var parser = new DicomParser(new MemoryStream(file));
        var reader = new Reader();
        using var copier = new InstanceCopier(parser, reader, Stream.Null);
        copier.Copy();
        return reader.Values;
    }

    public static string Text(byte[] file, string path) =>
        Encoding.Latin1.GetString(Read(file)[path]).TrimEnd(' ', '\0');

    private sealed class Reader : InstanceEditor
    {
        private readonly List<(uint Tag, int Item)> _path = [];

        public Dictionary<string, byte[]> Values { get; } = [];

        public override uint LastOfHead => DicomTag.SopInstanceUid;

        public override IReadOnlyList<(uint Tag, Action<ElementWriter> Write)> Added => [];

        public override (Copying How, string Vr) Decide(Element element)
        {
            if (element.Vr != "SQ")
            {
                return (Copying.Value, element.Vr);
            }
            Values[Path(element)] = [];
            Truncate(element.Depth);
            _path.Add((element.Tag, -1));
            return (Copying.Items, element.Vr);
        }

        public override void BeginItem(int depth)
        {
            Truncate(depth);
            _path[^1] = (_path[^1].Tag, _path[^1].Item + 1);
        }

        public override byte[] Edit(Element element, ReadOnlySpan<byte> value)
        {
            (SopClassUid, SopInstanceUid) = (SopClassUid ?? "1", SopInstanceUid ?? "1");
            return Values[Path(element)] = value.ToArray();
        }

        private string Path(Element element) =>
            string.Concat(_path.Take(element.Depth).Select(step => $"{step.Tag:X8}/{step.Item}/"))
            + $"{element.Tag:X8}";

        private void Truncate(int depth) =>
            _path.RemoveRange(Math.Min(depth, _path.Count), Math.Max(0, _path.Count - depth));
    }
}
