namespace Platform.Imaging.Tests;

public class NiftiAgainstNibabelTests
{
    [Fact]
    public void Every_type_endianness_and_version_reads_as_nibabel_reads_it()
    {
        using var oracle = new PythonOracle();
        oracle.Run("nifti.py", "write", oracle.Folder);
        var files = Directory.GetFiles(oracle.Folder, "*.nii");
        Assert.Equal(80, files.Length);
        foreach (var file in files)
        {
            var expected = oracle.Floats(file + ".f32");
            var affine = oracle.Numbers(file + ".affine");
            foreach (var path in new[] { file, file + ".gz" })
            {
                using var stream = File.OpenRead(path);
                var volume = NiftiReader.ReadImage(stream);
                Assert.Equal((7, 5, 4), volume.Geometry.Shape);
                AssertClose(affine, volume.Geometry.Affine, 2e-6, path);
                AssertClose(expected, volume.Voxels, 1e-6, path);
            }
        }
    }

    [Fact]
    public void What_we_write_nibabel_reads_to_the_last_bit()
    {
        using var oracle = new PythonOracle();
        var geometry = new VolumeGeometry(
            (9, 6, 5),
            [-1.5, 0.1, 0, 40, 0.2, 2, 0.3, -30, 0, -0.1, 3, 12]
        );
        var random = new Random(3);
        var real = new Volume<float>(geometry);
        var whole = new Volume<float>(geometry);
        var labels = new Volume<byte>(geometry);
        var many = new Volume<ushort>(geometry);
        for (var n = 0; n < real.Voxels.Length; n++)
        {
            real.Voxels[n] = (float)(random.NextDouble() * 1000 - 500);
            whole.Voxels[n] = random.Next(-32768, 32768);
            labels.Voxels[n] = (byte)random.Next(256);
            many.Voxels[n] = (ushort)random.Next(65536);
        }
        Save(oracle, "real.nii", real, NiftiCompression.None);
        Save(oracle, "whole.nii.gz", whole, NiftiCompression.Gzip);
        Save(oracle, "labels.nii.gz", labels, NiftiCompression.Gzip);
        Save(oracle, "many.nii", many, NiftiCompression.None);
        oracle.Run("nifti.py", "read", "real.nii", "whole.nii.gz", "labels.nii.gz", "many.nii");

        Assert.Equal(real.Voxels, oracle.Floats("real.nii.f32"));
        Assert.Equal(whole.Voxels, oracle.Floats("whole.nii.gz.f32"));
        Assert.Equal(labels.Voxels.Select(v => (float)v), oracle.Floats("labels.nii.gz.f32"));
        Assert.Equal(many.Voxels.Select(v => (float)v), oracle.Floats("many.nii.f32"));
        AssertClose(oracle.Numbers("real.nii.affine"), geometry.Affine, 1e-6, "affine");
    }

    private static void Save<T>(
        PythonOracle oracle,
        string name,
        Volume<T> volume,
        NiftiCompression compression
    )
        where T : unmanaged
    {
        using var stream = File.Create(oracle.PathOf(name));
        NiftiWriter.Write(stream, volume, compression);
    }

    private static void AssertClose(
        ReadOnlySpan<double> expected,
        ReadOnlySpan<double> actual,
        double tolerance,
        string what
    )
    {
        for (var n = 0; n < expected.Length; n++)
        {
            Assert.True(
                Math.Abs(expected[n] - actual[n]) <= tolerance * (1 + Math.Abs(expected[n])),
                $"{what}[{n}]: {actual[n]} where {expected[n]} was expected"
            );
        }
    }

    private static void AssertClose(float[] expected, float[] actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var n = 0; n < expected.Length; n++)
        {
            Assert.True(
                Math.Abs(expected[n] - actual[n]) <= tolerance * (1 + Math.Abs(expected[n])),
                $"{what}[{n}]: {actual[n]} where {expected[n]} was expected"
            );
        }
    }
}
