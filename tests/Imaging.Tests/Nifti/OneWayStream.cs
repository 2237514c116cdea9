namespace Platform.Imaging.Tests;

/// <summary>A network's stream: no length, no seeking, few bytes at a time.</summary>
internal sealed class OneWayStream(byte[] bytes) : MemoryStream(bytes)
{
    public override bool CanSeek => false;

    public override int Read(byte[] buffer, int offset, int count) =>
        base.Read(buffer, offset, Math.Min(count, 777));
}
