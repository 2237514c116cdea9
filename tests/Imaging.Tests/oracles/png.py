"""Reads an 8-bit RGB PNG with Python's zlib alone: png.py IN.png OUT.rgb prints width and height. Filters none, sub, up, average, Paeth."""
import struct
import sys
import zlib

data = open(sys.argv[1], "rb").read()
assert data[:8] == b"\x89PNG\r\n\x1a\n"
at, packed = 8, b""
while at < len(data):
    length, kind = struct.unpack(">I4s", data[at : at + 8])
    body = data[at + 8 : at + 8 + length]
    (crc,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
    assert crc == zlib.crc32(kind + body), kind
    if kind == b"IHDR":
        width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
        assert (depth, colour, interlace) == (8, 2, 0)
    if kind == b"IDAT":
        packed += body
    at += 12 + length
raw = zlib.decompress(packed)
stride = width * 3
out = bytearray()
previous = bytearray(stride)
for y in range(height):
    kind, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
    for x in range(stride):
        a = row[x - 3] if x >= 3 else 0
        b = previous[x]
        c = previous[x - 3] if x >= 3 else 0
        paeth = min((a, b, c), key=lambda v: (abs(a + b - c - v), (a, b, c).index(v)))
        row[x] = (row[x] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
    out += row
    previous = row
open(sys.argv[2], "wb").write(out)
print(width, height)
