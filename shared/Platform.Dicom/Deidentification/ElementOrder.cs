namespace Platform.Dicom.Deidentification;

/// <summary>
/// Elements ascend by tag (PS3.5 section 7.1), which tells the copier early whose an instance is. Some senders write them otherwise, or some of them twice.
/// </summary>
internal static class ElementOrder
{
    /// <summary>Of a data set; one that has more is left as it is.</summary>
    private const int MostElements = 1 << 16;

    /// <summary>The same instance with the elements before its pixels in order, each once: of those that repeat, the first.</summary>
    /// <param name="source">At its start. Where it cannot be sought, or holds a deflated data set, it is left as it is.</param>
    /// <returns>The source itself where its elements ascend, else a stream over it; and how many elements it leaves out.</returns>
    /// <exception cref="Imaging.VolumeException">CorruptData or UnsupportedFormat, as for any reader.</exception>
    public static (Stream Ordered, int Repeated) Of(Stream source)
    {
        if (!source.CanSeek)
        {
            return (source, 0);
        }
        var (elements, ascend) = Elements(source);
        source.Position = 0;
        if (ascend)
        {
            return (source, 0);
        }
        var ordered = elements.DistinctBy(element => element.Tag).OrderBy(e => e.Tag).ToArray();
        var head = (Start: 0L, End: elements[0].Start);
        return (
            new PartsStream(source, [head, .. ordered.Select(e => (e.Start, e.End))]),
            elements.Count - ordered.Length
        );
    }

    private static (List<(uint Tag, long Start, long End)> Elements, bool Ascend) Elements(
        Stream source
    )
    {
        using var parser = new DicomParser(source);
        var elements = new List<(uint Tag, long Start, long End)>();
        var ascend = true;
        while (parser.Source.Peek(1).Length > 0)
        {
            if (parser.Source.Offset is not { } start || elements.Count == MostElements)
            {
                return (elements, true);
            }
            var (tag, vr, length) = parser.ReadHead(parser.Syntax);
            ascend &= elements.Count == 0 || tag > elements[^1].Tag;
            if (tag is DicomTag.PixelData or DicomTag.FloatPixelData or DicomTag.DoublePixelData)
            {
                elements.Add((tag, start, source.Length));
                break;
            }
            parser.Step(parser.Syntax, vr, length, 0);
            elements.Add((tag, start, parser.Source.Offset.Value));
        }
        return (elements, ascend);
    }

    /// <summary>Parts of a stream, one after another.</summary>
    private sealed class PartsStream(Stream source, (long Start, long End)[] parts) : ForwardStream
    {
        private int _part;
        private long _at = parts[0].Start;

        public override int Read(Span<byte> buffer)
        {
            while (_part < parts.Length && _at == parts[_part].End)
            {
                _part++;
                _at = _part < parts.Length ? parts[_part].Start : 0;
            }
            if (_part == parts.Length)
            {
                return 0;
            }
            source.Position = _at;
            var read = source.Read(buffer[..(int)Math.Min(buffer.Length, parts[_part].End - _at)]);
            _at += read;
            return read;
        }
    }
}
