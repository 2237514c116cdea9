using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Platform.Training;

/// <summary>A training run's state in one file: "PTCK", seed, step, then name, length and float32 values of each tensor.</summary>
public static class Checkpoint
{
    private const uint Magic = 0x4B435450;

    /// <summary>Writes beside the file and renames, so that a killed run leaves the last whole checkpoint.</summary>
    public static void Save(
        string path,
        long seed,
        IEnumerable<(string Name, Tensor Value)> state,
        int step
    )
    {
        using (var writer = new BinaryWriter(File.Create(path + ".part")))
        {
            writer.Write(Magic);
            writer.Write(seed);
            writer.Write(step);
            foreach (var (name, value) in state)
            {
                writer.Write(name);
                var values = value.detach().cpu().contiguous().data<float>().ToArray();
                writer.Write(values.Length);
                writer.Write(MemoryMarshal.AsBytes<float>(values));
            }
        }
        File.Move(path + ".part", path, overwrite: true);
    }

    /// <summary>Reads what <see cref="Save"/> wrote into the same tensors.</summary>
    /// <exception cref="InvalidDataException">Another network, another seed, or no checkpoint at all.</exception>
    public static void Load(
        string path,
        long seed,
        IEnumerable<(string Name, Tensor Value)> state,
        out int step
    )
    {
        using var none = no_grad();
        using var reader = new BinaryReader(File.OpenRead(path));
        if (reader.ReadUInt32() != Magic)
        {
            throw new InvalidDataException("not a checkpoint");
        }
        if (reader.ReadInt64() is var written && written != seed)
        {
            throw new InvalidDataException(
                $"the checkpoint is of a run with seed {written}, not {seed}"
            );
        }
        step = reader.ReadInt32();
        foreach (var (name, value) in state)
        {
            if (
                reader.ReadString() is var stored
                && (stored != name || reader.ReadInt32() != value.numel())
            )
            {
                throw new InvalidDataException(
                    $"the checkpoint has {stored} where this network has {name}: another recipe"
                );
            }
            var values = new float[value.numel()];
            reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
            using var loaded = tensor(values, value.shape);
            value.copy_(loaded);
        }
    }
}
