using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Platform.Training;

/// <summary>
/// Makes libtorch loadable on distributions whose C++ library is older than the one TorchSharp was built with.
/// LibTorchSharp.so asks for symbol version GLIBCXX_3.4.32 (GCC 13) but only for a symbol that no relocation refers to.
/// Marking that one version need as weak, in the copy beside this program, lets the loader go on without it.
/// </summary>
public static class NativeTorch
{
    private const string Version = "GLIBCXX_3.4.32";
    private const uint VersionNeedSection = 0x6ffffffe;
    private const ushort WeakFlag = 2;

    /// <summary>
    /// Runs by itself before any code of this assembly. A program that touches torch on its own calls it first: what was loaded as packaged stays unloadable.
    /// </summary>
    [ModuleInitializer]
    public static void Prepare()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }
        // Beside the program when built for one runtime, else in the folder of this platform's natives.
        foreach (
            var folder in (string[])["", $"runtimes/{RuntimeInformation.RuntimeIdentifier}/native"]
        )
        {
            var library = Path.Combine(AppContext.BaseDirectory, folder, "libLibTorchSharp.so");
            if (File.Exists(library) && File.ReadAllBytes(library) is var elf && MarkWeak(elf))
            {
                // A new file and a rename: the package cache's copy may be a hard link to this one, and another process may have it mapped.
                var patched = $"{library}.{Environment.ProcessId}";
                File.WriteAllBytes(patched, elf);
                File.Move(patched, library, overwrite: true);
            }
        }
    }

    /// <summary>Sets the weak flag on the need for <see cref="Version"/>; false where it is absent or already weak.</summary>
    private static bool MarkWeak(Span<byte> elf)
    {
        var sections = (int)BinaryPrimitives.ReadUInt64LittleEndian(elf[0x28..]);
        var sectionSize = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3A..]);
        var sectionCount = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3C..]);
        for (var n = 0; n < sectionCount; n++)
        {
            var header = elf.Slice(sections + n * sectionSize, sectionSize);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) != VersionNeedSection)
            {
                continue;
            }
            var strings = elf.Slice(
                sections
                    + (int)BinaryPrimitives.ReadUInt32LittleEndian(header[0x28..]) * sectionSize,
                sectionSize
            );
            var names = elf[(int)BinaryPrimitives.ReadUInt64LittleEndian(strings[0x18..])..];
            return MarkWeak(
                elf[(int)BinaryPrimitives.ReadUInt64LittleEndian(header[0x18..])..],
                names
            );
        }
        return false;
    }

    private static bool MarkWeak(Span<byte> needs, ReadOnlySpan<byte> names)
    {
        var wanted = Encoding.ASCII.GetBytes(Version + "\0");
        while (true)
        {
            var entry = needs[(int)BinaryPrimitives.ReadUInt32LittleEndian(needs[8..])..];
            for (var n = BinaryPrimitives.ReadUInt16LittleEndian(needs[2..]); n > 0; n--)
            {
                var name = (int)BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]);
                var flags = BinaryPrimitives.ReadUInt16LittleEndian(entry[4..]);
                if (names[name..].StartsWith(wanted))
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(
                        entry[4..],
                        (ushort)(flags | WeakFlag)
                    );
                    return (flags & WeakFlag) == 0;
                }
                entry = entry[(int)BinaryPrimitives.ReadUInt32LittleEndian(entry[12..])..];
            }
            var next = (int)BinaryPrimitives.ReadUInt32LittleEndian(needs[12..]);
            if (next == 0)
            {
                return false;
            }
            needs = needs[next..];
        }
    }
}
