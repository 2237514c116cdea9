using System.Diagnostics;
using Platform.Imaging;

namespace Platform.Dicom.Tests;

/// <summary>Test sets of other projects, as Debian packages install them: whatever is in them is read, or refused with a reason.</summary>
public class ForeignFilesTests
{
    private const string Pydicom = "/usr/lib/python3/dist-packages/pydicom/data";

    /// <summary>Folder, files in it at least, and how many of those are images that are read.</summary>
    [Theory]
    [InlineData(Pydicom, 100, 20)]
    [InlineData("/usr/share/doc/libgdcm3.0/examples", 1, 0)]
    [InlineData("/usr/share/doc/dicom3tools/examples", 1, 0)]
    public void Every_file_is_read_or_refused_with_a_reason(string folder, int least, int images)
    {
        var files = Directory.GetFiles(folder, "*", SearchOption.AllDirectories);
        Assert.True(files.Length >= least, $"{files.Length} files in {folder}");
        var read = files.Count(file =>
        {
            using var stream = File.OpenRead(file);
            return IsRead(stream);
        });
        Assert.InRange(read, images, files.Length);
    }

    /// <summary>dcmtk's worklist entries, made by its own tool: data sets without pixels.</summary>
    [Fact]
    public void Data_sets_without_an_image_tell_so()
    {
        var dumps = Directory.GetFiles("/usr/share/doc/dcmtk/examples/wlistdb/OFFIS", "*.dump");
        Assert.NotEmpty(dumps);
        var file = Path.GetTempFileName();
        try
        {
            foreach (var dump in dumps)
            {
                using (var made = Process.Start("dump2dcm", ["-g", dump, file]))
                {
                    made.WaitForExit();
                    Assert.Equal(0, made.ExitCode);
                }
                using var stream = File.OpenRead(file);
                Assert.Contains(
                    "no pixel data",
                    Assert.Throws<VolumeException>(() => DicomImage.Read(stream)).Message
                );
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Whether a file is an image that is read; what is not is refused with a reason.</summary>
    public static bool IsRead(Stream stream)
    {
        Refusable(() => DicomFile.ReadIdentity(stream));
        stream.Position = 0;
        Refusable(() => DicomFile.ReadScanner(stream));
        stream.Position = 0;
        return Refusable(() =>
        {
            var image = DicomImage.Read(stream);
            stream.Position = 0;
            var values = new float[image.Slices[0].Format.Pixels];
            image.ReadValues(
                stream,
                [.. Enumerable.Range(0, image.Slices.Count)],
                _ => values,
                new byte[2 * image.Format.Pixels]
            );
        });
    }

    private static bool Refusable(Action read)
    {
        try
        {
            read();
            return true;
        }
        catch (VolumeException refusal)
        {
            Assert.NotEmpty(refusal.Message);
            return false;
        }
    }
}
