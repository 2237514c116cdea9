namespace Platform.Dicom.Deidentification;

/// <summary>An element as it is met.</summary>
/// <param name="Tag">Group · 65536 + element.</param>
/// <param name="Vr">Its representation: as stated or, where none is, as the standard has it; UN where nobody knows.</param>
/// <param name="Length">Bytes of its value as it was read, or undefined.</param>
/// <param name="Depth">Sequences around it.</param>
/// <param name="Parent">The sequence it lies in; 0 where it lies in none.</param>
internal readonly record struct Element(uint Tag, string Vr, uint Length, int Depth, uint Parent);

/// <summary>How an element is copied.</summary>
internal enum Copying
{
    /// <summary>Not at all.</summary>
    Drop,

    /// <summary>Without a value.</summary>
    Empty,

    /// <summary>As it is, in buffers.</summary>
    Bytes,

    /// <summary>Its value is read, edited and written.</summary>
    Value,

    /// <summary>A sequence, item by item.</summary>
    Items,
}

/// <summary>Says what becomes of the elements of one instance while <see cref="InstanceCopier"/> walks it.</summary>
internal abstract class InstanceEditor
{
    /// <summary>Nothing is written before everything up to this tag has been read: what is written may depend on it.</summary>
    public abstract uint LastOfHead { get; }

    /// <summary>SOP class of the copy; null before it was met.</summary>
    public string? SopClassUid { get; protected set; }

    /// <summary>SOP instance of the copy; null before it was met.</summary>
    public string? SopInstanceUid { get; protected set; }

    /// <summary>How the element is copied, and under which representation.</summary>
    public abstract (Copying How, string Vr) Decide(Element element);

    /// <summary>The value to be written; null removes the element.</summary>
    public abstract byte[]? Edit(Element element, ReadOnlySpan<byte> value);

    /// <summary>An item begins: what was said of private blocks at this depth ends.</summary>
    public virtual void BeginItem(int depth) { }

    /// <summary>The head has been read; dates in it, of eight digits each, can be corrected where they are from now on.</summary>
    public virtual void EndHead() { }

    /// <summary>Corrects the values of a DA or DT of the head in place.</summary>
    public virtual void CorrectDates(Span<byte> value) { }

    /// <summary>Elements that the copy has in any case, ascending; those that depend on the head are there after it.</summary>
    public abstract IReadOnlyList<(uint Tag, Action<ElementWriter> Write)> Added { get; }
}
