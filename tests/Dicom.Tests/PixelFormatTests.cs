namespace Platform.Dicom.Tests;

public sealed class PixelFormatTests
{
    [Fact]
    public void Values_are_the_stored_bits_with_their_sign_times_slope_plus_intercept_wherever_they_lie()
    {
        var random = new Random(5);
        for (var round = 0; round < 400; round++)
        {
            var stored = random.Next(2, 17);
            var high = random.Next(stored - 1, 16);
            var signed = random.Next(2) == 0;
            var half = 1 << (stored - 1);
            var start = random.Next(signed ? -half : 0, half);
            (int, int)? padding = random.Next(2) == 0 ? null : (start, start + random.Next(half));
            var format = new PixelFormat
            {
                Rows = 1,
                Columns = random.Next(1, 90),
                BitsAllocated = 16,
                BitsStored = stored,
                HighBit = high,
                Signed = signed,
                Padding = padding,
            };
            var frame = new byte[2 * format.Columns];
            random.NextBytes(frame);
            var (slope, intercept) = (random.NextSingle() * 10 - 5, random.NextSingle() * 100);
            var values = new float[format.Columns];
            format.ToValues(frame, slope, intercept, values);
            for (var n = 0; n < values.Length; n++)
            {
                var bits =
                    ((frame[2 * n] | frame[2 * n + 1] << 8) >> (high - stored + 1))
                    & ((1 << stored) - 1);
                var whole = signed && bits >= half ? bits - 2 * half : bits;
                var expected =
                    padding is { } p && whole >= p.Item1 && whole <= p.Item2
                        ? float.NaN
                        : whole * slope + intercept;
                Assert.Equal(
                    BitConverter.SingleToInt32Bits(expected),
                    BitConverter.SingleToInt32Bits(values[n])
                );
            }
        }
    }
}
