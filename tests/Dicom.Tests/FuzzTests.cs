using System.Diagnostics;
using System.Globalization;
using Platform.Imaging;
using Platform.Testing;
using Xunit.Abstractions;

namespace Platform.Dicom.Tests;

/// <summary>
/// The reader and the de-identifier under random damage: whatever the bytes are, they are read or refused, in memory and time that their length bounds. A number of inputs in
/// every run, the same each time; as many as fit in PLATFORM_FUZZ_MINUTES where that is set, by other seeds each time, with files of PLATFORM_DATA and
/// the codec among them. An input that fails is saved, and its seed told.
/// </summary>
public class FuzzTests(ITestOutputHelper output)
{
    private const int Inputs = 100_000;

    /// <summary>What a data set of nothing may take, and what each of its bytes may: deflated ones become 64, of which 8-bit pixels become floats.</summary>
    private const long FreeBytes = 64 << 20;
    private const long BytesPerByte = 512;

    /// <summary>A thousand times what the slowest input takes: what loops does not end, what is quadratic shows in the long inputs.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(20);

    private static double? Minutes =>
        Environment.GetEnvironmentVariable("PLATFORM_FUZZ_MINUTES") is { Length: > 0 } minutes
            ? double.Parse(minutes, CultureInfo.InvariantCulture)
            : null;

    [Fact]
    public void Damaged_files_are_read_or_refused_within_bounds()
    {
        var files = FuzzInputs.Files();
        if (Minutes is null)
        {
            var read = Enumerable
                .Range(0, Inputs)
                .Count(seed =>
                    Try(FuzzInputs.Damage(files, seed), $"{seed}", bytes => Read(bytes))
                );
            Assert.InRange(read, Inputs / 50, Inputs - Inputs / 10);
            return;
        }
        files = [.. files, .. FuzzInputs.RealFiles()];
        var until = Stopwatch.StartNew();
        var first = Random.Shared.Next(1 << 30);
        var count = 0;
        for (; until.Elapsed.TotalMinutes < Minutes; count++)
        {
            var bytes = FuzzInputs.Damage(files, first + count);
            Try(bytes, $"{first + count}", Deidentify);
            Try(bytes, $"{first + count}", one => Read(one, decodes: true), codecs: 4);
        }
        output.WriteLine($"{count} inputs from seed {first} on, of {files.Count} files");
    }

    [Fact]
    public void Long_files_of_one_kind_are_read_or_refused_within_bounds()
    {
        foreach (var (name, bytes) in LongInputs.Files())
        {
            Try(bytes, name, one => Read(one));
            Try(bytes, name, Deidentify);
        }
    }

    [Fact]
    public void Damaged_files_are_deidentified_or_refused_within_bounds()
    {
        var files = FuzzInputs.Files();
        var copied = Enumerable
            .Range(0, Inputs / 2)
            .Count(seed => Try(FuzzInputs.Damage(files, seed), $"{seed}", Deidentify));
        Assert.InRange(copied, Inputs / 100, Inputs / 2 - Inputs / 20);
    }

    /// <summary>What is copied is a file that is read to its end.</summary>
    private static void Deidentify(byte[] bytes)
    {
        var (_, copy) = Deidentified.Copy(bytes);
        using var parser = new DicomParser(new MemoryStream(copy));
        parser.Parse(last: DicomTag.SeriesInstanceUid);
    }

    /// <summary>Whether the target takes the input.</summary>
    /// <param name="bytes">The input.</param>
    /// <param name="seed">What makes it.</param>
    /// <param name="target">What takes it or refuses.</param>
    /// <param name="codecs">Codec processes it may run, each of which is ended after five minutes at the latest.</param>
    private static bool Try(byte[] bytes, string seed, Action<byte[]> target, int codecs = 0)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var clock = Stopwatch.StartNew();
        var isRead = true;
        try
        {
            target(bytes);
        }
        catch (VolumeException refusal) when (refusal.Message.Length > 0)
        {
            isRead = false;
        }
        catch (Exception e)
        {
            Fail($"{e.GetType().Name}: {e.Message}{Environment.NewLine}{e.StackTrace}");
        }
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > FreeBytes + BytesPerByte * bytes.Length)
        {
            Fail($"{allocated} bytes of memory for {bytes.Length}");
        }
        if (clock.Elapsed > Longest + codecs * TimeSpan.FromMinutes(5))
        {
            Fail($"{clock.Elapsed.TotalSeconds:f0} s for {bytes.Length} bytes");
        }
        return isRead;

        void Fail(string what)
        {
            var saved = Path.Combine(Path.GetTempPath(), $"fuzz-{seed}.dcm");
            File.WriteAllBytes(saved, bytes);
            Assert.Fail($"seed {seed}, saved as {saved}: {what}");
        }
    }

    /// <summary>Everything the reader does with one file, on this thread.</summary>
    private static void Read(byte[] bytes, bool decodes = false)
    {
        try
        {
            DicomFile.ReadScanner(new MemoryStream(bytes));
            DicomFile.ReadIdentity(new MemoryStream(bytes));
        }
        catch (VolumeException)
        {
            // An image may be read all the same.
        }
        using var stream = new MemoryStream(bytes);
        var image = DicomImage.Read(stream);
        stream.Position = 0;
        if (image.Syntax.Coding == PixelCoding.Codec && !decodes)
        {
            using var frames = image.Pixels(stream);
            frames.Coded(0).CopyTo(Stream.Null);
        }
        else
        {
            var values = new float[image.Slices[0].Format.Pixels];
            image.ReadValues(
                stream,
                [.. Enumerable.Range(0, image.Slices.Count)],
                _ => values,
                new byte[2 * image.Format.Pixels]
            );
        }
        if (image.Slices.Count == 1)
        {
            return;
        }
        var along = SliceStack.Along(image.Slices);
        var series = SeriesSplitter.Split(image.Slices, SliceStack.Places(along));
        foreach (var (_, slices) in series.SelectMany(one => one.Frames))
        {
            SliceStack.Arrange(
                [.. slices.Select(n => image.Slices[n])],
                [.. slices.Select(n => along[n])]
            );
        }
    }
}
