using Platform.Dicom.Deidentification;
using Platform.Imaging;
using static Platform.Dicom.Tests.Deidentified;

namespace Platform.Dicom.Tests;

/// <summary>Real series of data/dicom; without PLATFORM_DATA the generated ones stand for them.</summary>
public class DeidentifiedSeriesTests
{
    [Fact]
    public void Every_series_of_data_dicom_gives_the_same_volume_or_refusal_after_it()
    {
        if (Environment.GetEnvironmentVariable("PLATFORM_DATA") is not { Length: > 0 } data)
        {
            return;
        }
        var (volumes, refusals) = (0, 0);
        foreach (
            var folder in Directory
                .EnumerateDirectories(Path.Combine(data, "dicom"), "*", SearchOption.AllDirectories)
                .Where(folder => Directory.EnumerateFiles(folder).Any(IsDicom))
        )
        {
            var files = Directory
                .GetFiles(folder)
                .Where(IsDicom)
                .Select(File.ReadAllBytes)
                .ToArray();
            var copies = new List<byte[]>();
            try
            {
                copies.AddRange(files.Select(file => Copy(file, Dates).Bytes));
            }
            catch (VolumeException refusal)
            {
                Assert.NotEmpty(refusal.Message);
                continue;
            }
            Assert.Equal(copies[0], Copy(files[0], Dates).Bytes);
            var (expected, fault) = Read(files);
            var (volume, copyFault) = Read([.. copies]);
            Assert.True(fault == copyFault, $"{folder} {fault} {copyFault}");
            if (expected is null)
            {
                refusals++;
                continue;
            }
            Assert.Equal(expected.Select(part => part.Label), volume!.Select(part => part.Label));
            foreach (var (a, b) in expected.Zip(volume!))
            {
                Assert.Equal(a.Geometry.Shape, b.Geometry.Shape);
                Assert.Equal(a.Geometry.Affine.ToArray(), b.Geometry.Affine.ToArray());
                Assert.Equal(a.FrameTimesMs(), b.FrameTimesMs());
                for (var frame = 0; frame < a.Frames; frame++)
                {
                    Assert.True(a.Read(frame).Voxels.SequenceEqual(b.Read(frame).Voxels), folder);
                }
                volumes++;
            }
        }
        Assert.InRange(volumes, 15, 100);
        Assert.InRange(refusals, 5, 100);
    }

    private static bool IsDicom(string file)
    {
        using var stream = File.OpenRead(file);
        var start = new byte[DicomFile.SniffBytes];
        return stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length
            && DicomFile.Sniff(start);
    }

    private static (IReadOnlyList<DicomVolume>? Volumes, VolumeFault? Fault) Read(byte[][] files)
    {
        try
        {
            return (
                DicomSeries.Open(
                    files.Select(file => (Func<Stream>)(() => new MemoryStream(file)))
                ),
                null
            );
        }
        catch (VolumeException refusal)
        {
            return (null, refusal.Fault);
        }
    }
}
