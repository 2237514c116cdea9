using System.Buffers.Binary;

namespace Platform.Imaging;

/// <summary>
/// What a NIfTI-1 or NIfTI-2 header says, checked: dimensions, spacing and affine are usable. Field offsets and meanings
/// are those of nifti1.h and nifti2.h (public domain).
/// </summary>
public sealed record VolumeHeader
{
    private VolumeHeader(VolumeGeometry geometry) => Geometry = geometry;

    internal const int Bytes1 = 348;
    internal const int Bytes2 = 540;

    /// <summary>
    /// Where the voxels lie. The affine is the sform if sform_code &gt; 0, else the qform if qform_code &gt; 0, else the
    /// spacing alone (method 1 of the standard: index axes are R, A, S and voxel 0 is the origin). Metres and
    /// micrometres are turned to mm.
    /// </summary>
    public VolumeGeometry Geometry { get; }

    /// <summary>3D volumes in the file: the fourth dimension.</summary>
    public long Frames { get; private init; }

    /// <summary>From one frame to the next, ms: the fourth spacing, where the file says that it is a time; else null.</summary>
    public double? FrameIntervalMs { get; private init; }

    /// <summary>The stored type of a voxel.</summary>
    public NiftiType Type { get; private init; }

    /// <summary>True value = stored · Slope + Intercept. A slope of 0 in the file means 1.</summary>
    public double Slope { get; private init; } = 1;

    /// <summary>See <see cref="Slope"/>.</summary>
    public double Intercept { get; private init; }

    /// <summary>1 or 2.</summary>
    public int Version { get; private init; }

    /// <summary>Whether the file's numbers are big-endian.</summary>
    public bool BigEndian { get; private init; }

    /// <summary>Bytes from the start of the (uncompressed) file to the first voxel.</summary>
    public long VoxelOffset { get; private init; }

    internal bool IsScaled => Slope != 1 || Intercept != 0;

    internal long FrameBytes => Geometry.VoxelCount * Type.Bytes();

    /// <summary>Whether these first bytes (at least 4) start an uncompressed NIfTI header.</summary>
    internal static bool IsHeader(ReadOnlySpan<byte> start)
    {
        var little = BinaryPrimitives.ReadInt32LittleEndian(start);
        var big = BinaryPrimitives.ReadInt32BigEndian(start);
        return little is Bytes1 or Bytes2 || big is Bytes1 or Bytes2;
    }

    /// <summary>Reads a header of 348 or 540 bytes.</summary>
    /// <exception cref="VolumeException">Not NIfTI, or the header is unusable.</exception>
    internal static VolumeHeader Parse(ReadOnlySpan<byte> bytes)
    {
        var version = bytes.Length == Bytes2 ? 2 : 1;
        var fields = new Fields(bytes, BinaryPrimitives.ReadInt32BigEndian(bytes) == bytes.Length);
        CheckMagic(bytes, version);
        var dimensions = new long[8];
        var pixdim = new double[8];
        for (var n = 0; n < 8; n++)
        {
            dimensions[n] = version == 1 ? fields.Int16(40 + 2 * n) : fields.Int64(16 + 8 * n);
            pixdim[n] = version == 1 ? fields.Single(76 + 4 * n) : fields.Double(104 + 8 * n);
        }
        if (dimensions[0] is < 1 or > 7)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"the header states {dimensions[0]} dimensions; NIfTI has 1 to 7"
            );
        }
        if (dimensions[0] < 3)
        {
            throw new VolumeException(
                VolumeFault.NotAVolume,
                $"the image has {dimensions[0]} dimensions where 3 are needed"
            );
        }
        for (var n = 5; n <= dimensions[0]; n++)
        {
            if (dimensions[n] > 1)
            {
                throw new VolumeException(
                    VolumeFault.NotAVolume,
                    $"dimension {n} has {dimensions[n]} entries: an image has three dimensions, and time as the fourth"
                );
            }
        }
        var frames = dimensions[0] < 4 ? 1 : Math.Max(dimensions[4], 1);
        Product(Product(Product(dimensions[1], dimensions[2]), dimensions[3]), frames);
        var units = version == 1 ? fields.Byte(123) : fields.Int32(500);
        var affine = Affine(fields, version, pixdim, units);
        var (slope, intercept) =
            version == 1
                ? (fields.Single(112), fields.Single(116))
                : (fields.Double(176), fields.Double(184));
        if (slope == 0 || !double.IsFinite(slope))
        {
            (slope, intercept) = (1, 0);
        }
        if (!double.IsFinite(intercept))
        {
            throw new VolumeException(VolumeFault.CorruptData, "scl_inter is not finite");
        }
        var code = version == 1 ? fields.Int16(70) : fields.Int16(12);
        if (!Enum.IsDefined((NiftiType)code))
        {
            throw new VolumeException(
                VolumeFault.UnsupportedFormat,
                $"NIfTI data type {code} is not supported: convert to an integer or real type of at most 64 bits"
            );
        }
        var shape = ((int)dimensions[1], (int)dimensions[2], (int)dimensions[3]);
        return new VolumeHeader(new VolumeGeometry(shape, affine))
        {
            Frames = frames,
            FrameIntervalMs = Milliseconds(pixdim[4], units),
            Type = (NiftiType)code,
            Slope = slope,
            Intercept = intercept,
            Version = version,
            BigEndian = fields.BigEndian,
            VoxelOffset = Offset(
                version == 1 ? fields.Single(108) : fields.Int64(168),
                bytes.Length
            ),
        };
    }

    private static void CheckMagic(ReadOnlySpan<byte> bytes, int version)
    {
        var magic = version == 1 ? bytes.Slice(344, 4) : bytes.Slice(4, 8);
        if (version == 1 ? magic.SequenceEqual("ni1\0"u8) : magic.StartsWith("ni2\0"u8))
        {
            throw new VolumeException(
                VolumeFault.UnsupportedFormat,
                "a NIfTI header of a pair (.hdr/.img): convert to a single .nii file"
            );
        }
        if (
            version == 1
                ? !magic.SequenceEqual("n+1\0"u8)
                : !magic.SequenceEqual("n+2\0\r\n\x1a\n"u8)
        )
        {
            throw new VolumeException(
                VolumeFault.UnsupportedFormat,
                "the NIfTI magic is missing: an ANALYZE file or a damaged header"
            );
        }
    }

    private static long Product(long a, long b)
    {
        if (a < 1 || b < 1)
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                $"the header states a dimension of {Math.Min(a, b)}: every dimension must be at least 1"
            );
        }
        return a <= long.MaxValue / b && Math.Max(a, b) <= int.MaxValue * 1024L
            ? a * b
            : throw new VolumeException(
                VolumeFault.TooLarge,
                $"the header promises {(double)a * b:g3} voxels"
            );
    }

    private static long Offset(double offset, int headerBytes) =>
        offset == 0 ? headerBytes + 4
        : offset >= headerBytes && offset <= 1 << 28 ? (long)offset
        : throw new VolumeException(
            VolumeFault.CorruptData,
            $"vox_offset is {offset:g6}, outside {headerBytes}–{1 << 28} bytes"
        );

    /// <summary>A time in the units of xyzt_units.</summary>
    private static double? Milliseconds(double time, int units)
    {
        double? unit = (units & 0x38) switch
        {
            8 => 1000.0,
            16 => 1.0,
            24 => 1e-3,
            _ => null,
        };
        return time > 0 && double.IsFinite(time) ? time * unit : null;
    }

    private static double[] Affine(Fields fields, int version, double[] pixdim, int units)
    {
        for (var n = 1; n <= 3; n++)
        {
            if (!(pixdim[n] > 0) || !double.IsFinite(pixdim[n]))
            {
                throw new VolumeException(
                    VolumeFault.BadGeometry,
                    $"the spacing is {pixdim[1]:g6}×{pixdim[2]:g6}×{pixdim[3]:g6}: every spacing must be above 0"
                );
            }
        }
        var (qform, sform) =
            version == 1
                ? (fields.Int16(252), fields.Int16(254))
                : (fields.Int32(344), fields.Int32(348));
        var affine = new double[12];
        if (sform > 0)
        {
            for (var n = 0; n < 12; n++)
            {
                affine[n] = version == 1 ? fields.Single(280 + 4 * n) : fields.Double(400 + 8 * n);
            }
        }
        else if (qform > 0)
        {
            var q = new double[6];
            for (var n = 0; n < 6; n++)
            {
                q[n] = version == 1 ? fields.Single(256 + 4 * n) : fields.Double(352 + 8 * n);
            }
            QuaternionAffine(q, pixdim, affine);
        }
        else
        {
            (affine[0], affine[5], affine[10]) = (pixdim[1], pixdim[2], pixdim[3]);
        }
        var mm = (units & 7) switch
        {
            1 => 1000.0,
            3 => 1e-3,
            _ => 1.0,
        };
        for (var n = 0; mm != 1 && n < 12; n++)
        {
            affine[n] *= mm;
        }
        return affine;
    }

    /// <summary>Method 2 of the standard: a unit quaternion (b, c, d) with an offset, the spacing, and the sign of k in pixdim[0].</summary>
    private static void QuaternionAffine(double[] q, double[] pixdim, double[] affine)
    {
        var (b, c, d) = (q[0], q[1], q[2]);
        var a = 1 - (b * b + c * c + d * d);
        if (a < 1e-7)
        {
            var length = Math.Sqrt(b * b + c * c + d * d);
            (a, b, c, d) = (0, b / length, c / length, d / length);
        }
        else
        {
            a = Math.Sqrt(a);
        }
        var (x, y, z) = (pixdim[1], pixdim[2], pixdim[0] < 0 ? -pixdim[3] : pixdim[3]);
        ReadOnlySpan<double> entries =
        [
            (a * a + b * b - c * c - d * d) * x,
            2 * (b * c - a * d) * y,
            2 * (b * d + a * c) * z,
            q[3],
            2 * (b * c + a * d) * x,
            (a * a + c * c - b * b - d * d) * y,
            2 * (c * d - a * b) * z,
            q[4],
            2 * (b * d - a * c) * x,
            2 * (c * d + a * b) * y,
            (a * a + d * d - b * b - c * c) * z,
            q[5],
        ];
        entries.CopyTo(affine);
    }

    private readonly ref struct Fields(ReadOnlySpan<byte> bytes, bool bigEndian)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;

        public bool BigEndian { get; } = bigEndian;

        public int Byte(int at) => _bytes[at];

        public int Int16(int at) =>
            BigEndian
                ? BinaryPrimitives.ReadInt16BigEndian(_bytes[at..])
                : BinaryPrimitives.ReadInt16LittleEndian(_bytes[at..]);

        public int Int32(int at) =>
            BigEndian
                ? BinaryPrimitives.ReadInt32BigEndian(_bytes[at..])
                : BinaryPrimitives.ReadInt32LittleEndian(_bytes[at..]);

        public long Int64(int at) =>
            BigEndian
                ? BinaryPrimitives.ReadInt64BigEndian(_bytes[at..])
                : BinaryPrimitives.ReadInt64LittleEndian(_bytes[at..]);

        public double Single(int at) => BitConverter.Int32BitsToSingle(Int32(at));

        public double Double(int at) => BitConverter.Int64BitsToDouble(Int64(at));
    }
}
