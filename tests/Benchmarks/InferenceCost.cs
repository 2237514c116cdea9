using System.Text;

namespace Platform.Benchmarks;

/// <summary>
/// What a convolutional network costs, from its ONNX file: multiply–adds of Conv and ConvTranspose for each voxel of the input.
/// Reads the few protobuf fields it needs by their numbers in the ONNX specification.
/// </summary>
internal static class InferenceCost
{
    /// <summary>Floating-point operations (two a multiply–add) for one input voxel.</summary>
    public static double FlopPerVoxel(byte[] onnx)
    {
        var graph = Fields(onnx).Single(f => f.Number == 7).Bytes;
        var weights = new Dictionary<string, long[]>();
        foreach (var initializer in Fields(graph).Where(f => f.Number == 5))
        {
            var fields = Fields(initializer.Bytes).ToArray();
            weights[Text(fields.Single(f => f.Number == 8).Bytes)] =
            [
                .. fields.Where(f => f.Number == 1).SelectMany(Integers),
            ];
        }
        // Voxels of each tensor for one input voxel.
        var density = new Dictionary<string, double>();
        double flop = 0;
        foreach (var node in Fields(graph).Where(f => f.Number == 1))
        {
            var fields = Fields(node.Bytes).ToArray();
            string[] inputs = [.. fields.Where(f => f.Number == 1).Select(f => Text(f.Bytes))];
            var type = Text(fields.Single(f => f.Number == 4).Bytes);
            var stride = fields
                .Where(f => f.Number == 5)
                .Select(f => Fields(f.Bytes).ToArray())
                .Where(a => Text(a.Single(f => f.Number == 1).Bytes) == "strides")
                .SelectMany(a => a.Where(f => f.Number == 8).SelectMany(Integers))
                .Aggregate(1.0, (product, n) => product * n);
            var before = density.GetValueOrDefault(inputs[0], 1);
            var after = type switch
            {
                "Conv" or "MaxPool" or "AveragePool" => before / stride,
                "ConvTranspose" => before * stride,
                _ => before,
            };
            if (type is "Conv" or "ConvTranspose")
            {
                var size = weights[inputs[1]].Aggregate(1.0, (product, n) => product * n);
                flop += 2 * size * (type == "Conv" ? after : before);
            }
            foreach (var output in fields.Where(f => f.Number == 2))
            {
                density[Text(output.Bytes)] = after;
            }
        }
        return flop;
    }

    private readonly record struct Field(int Number, long Value, byte[] Bytes);

    private static IEnumerable<Field> Fields(byte[] message)
    {
        for (var at = 0; at < message.Length; )
        {
            var key = Varint(message, ref at);
            var number = (int)(key >> 3);
            switch (key & 7)
            {
                case 0:
                    yield return new Field(number, Varint(message, ref at), []);
                    break;
                case 2:
                    var length = (int)Varint(message, ref at);
                    yield return new Field(number, 0, message[at..(at + length)]);
                    at += length;
                    break;
                case 1:
                    at += 8;
                    break;
                case 5:
                    at += 4;
                    break;
                default:
                    throw new InvalidDataException($"wire type {key & 7} at byte {at}");
            }
        }
    }

    /// <summary>Repeated integers, packed or not.</summary>
    private static IEnumerable<long> Integers(Field field)
    {
        if (field.Bytes.Length == 0)
        {
            yield return field.Value;
        }
        for (var at = 0; at < field.Bytes.Length; )
        {
            yield return Varint(field.Bytes, ref at);
        }
    }

    private static long Varint(byte[] bytes, ref int at)
    {
        long value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[at++];
            value |= (long)(next & 127) << shift;
            if (next < 128)
            {
                return value;
            }
        }
    }

    private static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);
}
