using System.Text;
using Platform.Imaging;
using Platform.Testing;

namespace Platform.Dicom.Tests;

/// <summary>Siemens mosaics: slices as tiles of one image.</summary>
public class MosaicTests
{
    private const int Slices = 5;
    private const int Rows = 4;
    private const int Columns = 6;

    /// <summary>The second form of the vendor's header, with a tag before those that are read.</summary>
    public static byte[] Header(params (string Name, string[] Values)[] tags)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write("SV10"u8);
        writer.Write(0x01020304);
        writer.Write(tags.Length);
        writer.Write(77);
        foreach (var (name, values) in tags)
        {
            var padded = new byte[64];
            Encoding.ASCII.GetBytes(name, padded);
            writer.Write(padded);
            writer.Write(values.Length);
            writer.Write("IS\0\0"u8);
            writer.Write(6);
            writer.Write(values.Length + 1);
            writer.Write(77);
            foreach (var value in values.Append(""))
            {
                var length = value.Length == 0 ? 0 : value.Length + 1;
                foreach (var number in new[] { length, length, 77, length })
                {
                    writer.Write(number);
                }
                writer.Write(Encoding.ASCII.GetBytes(value));
                writer.Write(new byte[length == 0 ? 0 : (length + 3) / 4 * 4 - value.Length]);
            }
        }
        return bytes.ToArray();
    }

    private static DicomSliceFile Mosaic(
        byte[]? header,
        string type = "ORIGINAL\\PRIMARY\\M\\MOSAIC"
    )
    {
        // Nine tiles, the last four empty; slice n holds 100 n and the pixel's number.
        var pixels = new int[9 * Rows * Columns];
        for (var n = 0; n < Slices; n++)
        {
            for (var p = 0; p < Rows * Columns; p++)
            {
                var (row, column) = (n / 3 * Rows + p / Columns, n % 3 * Columns + p % Columns);
                pixels[row * 3 * Columns + column] = 100 * n + p;
            }
        }
        return new()
        {
            Rows = 3 * Rows,
            Columns = 3 * Columns,
            PixelSpacing = "2\\3",
            Orientation = [0, 1, 0, 0, 0, -1],
            Position = [-7, -11, 13],
            Pixels = pixels,
            Elements =
            [
                (0x0008_0008, "CS", DicomSliceFile.Words(type)),
                (0x0018_0088, "DS", DicomSliceFile.Words("4.5")),
                .. header is null
                    ? Array.Empty<(uint, string, byte[])>()
                    : [(0x0029_1010u, "OB", header)],
            ],
        };
    }

    private static Volume<float> Read(DicomSliceFile mosaic) =>
        DicomSeries.ReadVolume([mosaic.Opener()]);

    [Theory]
    [InlineData("-1", -7, 0, 100)]
    [InlineData("1", -7, 4, -100)]
    public void Tiles_are_slices_from_the_corner_of_the_first_along_the_headers_normal(
        string normal,
        double x,
        int first,
        int step
    )
    {
        // Rows run to P, columns to F: their product is along -x. The first tile's corner lies six columns of 3 mm and four rows of 2 mm within the image's.
        var volume = Read(
            Mosaic(
                Header(
                    ("EchoLinePosition", ["32"]),
                    ("NumberOfImagesInMosaic", ["5 "]),
                    ("SliceNormalVector", [normal, "0.0", "0.0"])
                )
            )
        );
        Assert.Equal((Columns, Rows, Slices), volume.Geometry.Shape);
        var last = normal == "1" ? x + 4 * 4.5 : x;
        Assert.Equal(
            new double[] { 0, 0, 4.5, -last, -3, 0, 0, 11 - 18, 0, -2, 0, 13 - 8 },
            volume.Geometry.Affine.ToArray()
        );
        for (var k = 0; k < Slices; k++)
        {
            Assert.Equal(100 * first + step * k + 2 * Columns + 5, volume[5, 2, k]);
        }
    }

    [Fact]
    public void The_number_of_slices_may_stand_in_an_element_of_its_own()
    {
        var mosaic = Mosaic(null);
        var volume = Read(
            mosaic with
            {
                Elements = [.. mosaic.Elements, (0x0019_100A, "US", [Slices, 0])],
            }
        );
        Assert.Equal((Columns, Rows, Slices), volume.Geometry.Shape);
        Assert.Equal(423, volume[5, 3, 4]);
    }

    [Fact]
    public void A_mosaic_of_unknown_or_impossible_tiles_is_refused()
    {
        VolumeException Refused(VolumeFault fault, DicomSliceFile mosaic)
        {
            var refusal = Assert.Throws<VolumeException>(() => Read(mosaic));
            Assert.Equal(fault, refusal.Fault);
            return refusal;
        }
        Assert.Contains(
            "(0029,1010)",
            Refused(VolumeFault.UnsupportedFormat, Mosaic(null)).Message
        );
        Refused(VolumeFault.UnsupportedFormat, Mosaic(Header(("NumberOfImagesInMosaic", ["0"]))));
        Assert.Contains(
            "4×4 tiles",
            Refused(
                VolumeFault.CorruptData,
                Mosaic(Header(("NumberOfImagesInMosaic", ["16"]))) with
                {
                    Columns = 17,
                }
            ).Message
        );
        var whole = Header(("Other", ["12", "abc"]), ("NumberOfImagesInMosaic", ["5"]));
        for (var length = 0; length < whole.Length - 20; length++)
        {
            Refused(VolumeFault.UnsupportedFormat, Mosaic(whole[..length]));
        }
    }

    [Fact]
    public void Mosaics_in_time_are_volumes()
    {
        var header = Header(("NumberOfImagesInMosaic", ["5"]));
        var mosaics = Enumerable
            .Range(1, 3)
            .Select(n =>
            {
                var mosaic = Mosaic(header);
                return (
                    mosaic with
                    {
                        SopInstanceUid = $"1.2.{n}",
                        Elements =
                        [
                            .. mosaic.Elements,
                            (0x0020_0012, "IS", DicomSliceFile.Words($"{n}")),
                        ],
                        Pixels = [.. mosaic.Pixels!.Select(p => p + n)],
                    }
                ).Opener();
            });
        var volumes = DicomSeries.Open(mosaics);
        Assert.Equal(
            ["acquisition 1", "acquisition 2", "acquisition 3"],
            volumes.Select(volume => volume.Label)
        );
        Assert.Equal(402, volumes[1].Read()[0, 0, 4]);
    }
}
