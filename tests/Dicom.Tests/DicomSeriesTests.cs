using Platform.Imaging;
using Platform.Testing;

namespace Platform.Dicom.Tests;

public class DicomSeriesTests
{
    private static DicomSliceFile[] Series(int count, double increment = 2.5) =>
        [
            .. Enumerable
                .Range(0, count)
                .Select(n => new DicomSliceFile
                {
                    SopInstanceUid = $"1.2.3.4.5.{n}",
                    Position = [10, -20, 30 + n * increment],
                    Pixels = [.. Enumerable.Range(0, 48).Select(p => 100 * n + p - 200)],
                }),
        ];

    private static Volume<float> Read(IEnumerable<DicomSliceFile> slices) =>
        DicomSeries.ReadVolume(slices.Select(slice => slice.Opener()));

    private static VolumeException Refused(VolumeFault fault, IEnumerable<DicomSliceFile> slices)
    {
        var refusal = Assert.Throws<VolumeException>(() => Read(slices));
        Assert.Equal(fault, refusal.Fault);
        return refusal;
    }

    [Theory]
    [InlineData("1.2.840.10008.1.2.1")]
    [InlineData("1.2.840.10008.1.2")]
    public void Slices_in_any_order_become_a_volume_in_ras(string syntax)
    {
        var slices = Series(5).Select(s => s with { TransferSyntax = syntax, SequenceDepth = 4 });
        var volume = Read(slices.OrderBy(s => s.Position[2] * 7 % 5));
        Assert.Equal((8, 6, 5), volume.Geometry.Shape);
        Assert.Equal(
            new double[] { -1.25, 0, 0, -10, 0, -1.5, 0, 20, 0, 0, 2.5, 30 },
            volume.Geometry.Affine.ToArray()
        );
        Assert.Equal("LPS", volume.Geometry.Orientation);
        Assert.Equal(100 * 3 + 8 * 2 + 1 - 200, volume[1, 2, 3]);
    }

    [Fact]
    public void Slope_intercept_sign_and_stored_bits_make_the_values()
    {
        // 12 bits stored, an overlay in the bits above.
        var slices = Series(2)
            .Select(s =>
                s with
                {
                    BitsStored = 12,
                    Slope = 0.5,
                    Intercept = -7,
                    Pixels = [.. Enumerable.Repeat(0x5FFE, 48)],
                }
            )
            .ToArray();
        Assert.All(Read(slices).Voxels, voxel => Assert.Equal(-2 * 0.5f - 7, voxel));
        var unsigned = slices.Select(s => s with { Signed = false });
        Assert.All(Read(unsigned).Voxels, voxel => Assert.Equal(0xFFE * 0.5f - 7, voxel));
        var bytes = slices.Select(s =>
            s with
            {
                BitsAllocated = 8,
                BitsStored = 8,
                Signed = false,
                Pixels = [.. Enumerable.Repeat(200, 48)],
            }
        );
        Assert.All(Read(bytes).Voxels, voxel => Assert.Equal(93, voxel));
    }

    [Fact]
    public void The_stored_bits_may_lie_below_the_uppermost()
    {
        // 12 bits stored in the upper ones of 16, something else below.
        var slices = Series(2)
            .Select(s =>
                s with
                {
                    BitsStored = 12,
                    HighBit = 15,
                    Pixels = [.. Enumerable.Repeat(0xFFEF, 48)],
                }
            )
            .ToArray();
        Assert.All(Read(slices).Voxels, voxel => Assert.Equal(-2, voxel));
        var unsigned = slices.Select(s => s with { Signed = false });
        Assert.All(Read(unsigned).Voxels, voxel => Assert.Equal(0xFFE, voxel));
        Refused(VolumeFault.UnsupportedFormat, slices.Select(s => s with { HighBit = 10 }));
        Refused(VolumeFault.UnsupportedFormat, slices.Select(s => s with { HighBit = 16 }));
    }

    [Fact]
    public void Each_instance_has_its_own_slope_and_intercept()
    {
        var slices = Series(3)
            .Select((s, n) => s with { Slope = n + 1, Intercept = 10 * n, Pixels = Flat(7) });
        var volume = Read(slices);
        Assert.Equal([7, 24, 41], new[] { volume[0, 0, 0], volume[0, 0, 1], volume[0, 0, 2] });
    }

    [Theory]
    [InlineData(-2000, null, -2000, -1999)]
    [InlineData(-2000, -1500, -1700, -1499)]
    [InlineData(-1500, -2000, -1700, -1499)]
    public void Padding_becomes_the_lowest_real_value_of_the_series(
        int padding,
        int? limit,
        int padded,
        int lowest
    )
    {
        var slices = Series(3)
            .Select(s =>
                s with
                {
                    PixelPaddingValue = padding,
                    PixelPaddingRangeLimit = limit,
                    Slope = 2,
                    Intercept = 5,
                    Pixels = Flat(100),
                }
            )
            .ToArray();
        slices[1].Pixels![5] = padded;
        slices[2].Pixels![6] = lowest;
        var volume = Read(slices);
        Assert.Equal(2 * lowest + 5, volume[5, 0, 1]);
        Assert.Equal(2 * lowest + 5, volume[6, 0, 2]);
        Assert.Equal(205, volume[5, 0, 2]);
    }

    [Fact]
    public void Padding_that_no_stored_value_can_be_changes_nothing_and_nothing_but_padding_is_zero()
    {
        var slices = Series(2)
            .Select(s =>
                s with
                {
                    BitsStored = 12,
                    Signed = false,
                    PixelPaddingValue = 63536,
                    Pixels = Flat(63536 & 0xFFF),
                }
            )
            .ToArray();
        Assert.All(Read(slices).Voxels, voxel => Assert.Equal(63536 & 0xFFF, voxel));
        var empty = slices.Select(s => s with { PixelPaddingValue = 63536 & 0xFFF });
        Assert.All(Read(empty).Voxels, voxel => Assert.Equal(0, voxel));
    }

    private static int[] Flat(int value) => [.. Enumerable.Repeat(value, 48)];

    [Fact]
    public void Several_series_are_refused_with_their_count()
    {
        var slices = Series(4);
        slices[2] = slices[2] with { SeriesInstanceUid = "9.9" };
        Assert.Contains("2 series", Refused(VolumeFault.MixedSeries, slices).Message);
    }

    [Fact]
    public void One_slice_and_none_are_no_volume()
    {
        Refused(VolumeFault.NotAVolume, Series(1));
        Refused(VolumeFault.NotAVolume, []);
    }

    [Fact]
    public void Repeated_missing_uneven_tilted_and_turned_slices_are_refused_with_the_numbers()
    {
        var slices = Series(6);
        Assert.Contains(
            "same position",
            Refused(
                VolumeFault.BadGeometry,
                [.. slices, slices[3] with { SopInstanceUid = "1.2.3.4.6" }]
            ).Message
        );
        Assert.Contains(
            "1 of 4 increments are above 1.5 × 2.5 mm (up to 5 mm)",
            Refused(VolumeFault.BadGeometry, slices.Where((_, n) => n != 2)).Message
        );
        var uneven = Series(6);
        uneven[2] = uneven[2] with { Position = [10, -20, 35.3] };
        Assert.Contains("2.2 to 2.8 mm", Refused(VolumeFault.BadGeometry, uneven).Message);
        var tilted = slices.Select((s, n) => s with { Position = [10, -20 + 0.5 * n, 2.5 * n] });
        Assert.Contains("11.31 degrees", Refused(VolumeFault.BadGeometry, tilted).Message);
        var turned = Series(6);
        turned[4] = turned[4] with { Orientation = [1, 0, 0, 0, 0, -1] };
        Assert.Contains("orientation", Refused(VolumeFault.BadGeometry, turned).Message);
        var skewed = slices.Select(s => s with { Orientation = [1, 0, 0, 0.5, 0.5, 0] });
        Refused(VolumeFault.BadGeometry, skewed);
        var larger = Series(6);
        larger[1] = larger[1] with { Rows = 7, Pixels = null };
        Assert.Contains("7×8", Refused(VolumeFault.BadGeometry, larger).Message);
        var flat = slices.Select(s => s with { PixelSpacing = "0\\1" });
        Refused(VolumeFault.BadGeometry, flat);
    }

    [Fact]
    public void Colour_frames_and_other_bit_depths_are_unsupported()
    {
        var slices = Series(3);
        Refused(VolumeFault.UnsupportedFormat, slices.Select(s => s with { SamplesPerPixel = 3 }));
        Refused(VolumeFault.UnsupportedFormat, slices.Select(s => s with { NumberOfFrames = 9 }));
        Refused(
            VolumeFault.UnsupportedFormat,
            slices.Select(s => s with { BitsAllocated = 32, Pixels = null })
        );
        Refused(
            VolumeFault.UnsupportedFormat,
            slices.Select(s => s with { PhotometricInterpretation = "PALETTE COLOR" })
        );
        Assert.Contains(
            "slope",
            Refused(
                VolumeFault.UnsupportedFormat,
                slices.Select(s => s with { HasModalityLut = true })
            ).Message
        );
        var refusal = Assert.Throws<VolumeException>(() =>
            DicomSeries.ReadVolume([() => new MemoryStream(new byte[500])])
        );
        Assert.Equal(VolumeFault.UnsupportedFormat, refusal.Fault);
    }

    [Fact]
    public void More_voxels_than_the_limit_are_refused() =>
        Assert.Equal(
            VolumeFault.TooLarge,
            Assert
                .Throws<VolumeException>(() =>
                    DicomSeries.ReadVolume(Series(3).Select(s => s.Opener()), maxVoxels: 100)
                )
                .Fault
        );

    [Fact]
    public void Sequences_nested_too_deep_are_refused() =>
        Refused(VolumeFault.CorruptData, Series(2).Select(s => s with { SequenceDepth = 100 }));

    [Fact]
    public void A_file_cut_anywhere_or_damaged_anywhere_gives_a_refusal_or_a_volume_and_nothing_else()
    {
        var good = Series(2).Select(s => (s with { SequenceDepth = 3 }).ToBytes()).ToArray();
        for (var length = 0; length < good[1].Length; length++)
        {
            var cut = good[1][..length];
            Assert.Throws<VolumeException>(() =>
                DicomSeries.ReadVolume([
                    () => new MemoryStream(good[0]),
                    () => new MemoryStream(cut),
                ])
            );
        }
        var random = new Random(1);
        for (var n = 0; n < 5000; n++)
        {
            var damaged = (byte[])good[1].Clone();
            for (var m = random.Next(1, 5); m > 0; m--)
            {
                damaged[random.Next(128, damaged.Length)] = (byte)random.Next(256);
            }
            try
            {
                DicomSeries.ReadVolume([
                    () => new MemoryStream(good[0]),
                    () => new MemoryStream(damaged),
                ]);
            }
            catch (VolumeException) { }
        }
    }

    [Fact]
    public void The_identity_is_read_without_the_pixels()
    {
        var bytes = Series(1)[0].ToBytes();
        Assert.True(DicomFile.Sniff(bytes));
        Assert.False(DicomFile.Sniff(bytes.AsSpan(0, 131)));
        Assert.Equal(
            new DicomIdentity("1.2.3", "1.2.3.4", "1.2.3.4.5.0"),
            DicomFile.ReadIdentity(new MemoryStream(bytes[..400]))
        );
        Assert.Throws<VolumeException>(() =>
            DicomFile.ReadIdentity(new MemoryStream(bytes[..200]))
        );
    }
}
