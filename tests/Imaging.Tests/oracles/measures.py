"""scipy.ndimage and numpy beside our measures: measures.py NI NJ NK SI SJ SK

Reads a.u8 and b.u8 (labels, i fastest) and x.f32; writes components6.i4, components18.i4, components26.i4 of a, distance.f32 (mm to a's
nearest non-zero voxel), surface.txt (label, HD, HD95, ASSD for each label in both) and percentiles.txt (1, 50, 99.5).
"""
import sys

import numpy as np
from scipy import ndimage

shape = tuple(int(n) for n in sys.argv[1:4])
spacing = tuple(float(n) for n in sys.argv[4:7])
a = np.fromfile("a.u8", "u1").reshape(shape, order="F")
b = np.fromfile("b.u8", "u1").reshape(shape, order="F")
for rank, name in ((1, 6), (2, 18), (3, 26)):
    found, _ = ndimage.label(a == 3, ndimage.generate_binary_structure(3, rank))
    found.astype("<i4").ravel(order="F").tofile(f"components{name}.i4")
distance = ndimage.distance_transform_edt(a == 0, spacing)
distance.astype("<f4").ravel(order="F").tofile("distance.f32")


def surface(mask):
    return mask & ~ndimage.binary_erosion(mask)


with open("surface.txt", "w") as out:
    for label in np.intersect1d(np.unique(a), np.unique(b)):
        if label == 0:
            continue
        x, y = surface(a == label), surface(b == label)
        there = ndimage.distance_transform_edt(~y, spacing)[x]
        back = ndimage.distance_transform_edt(~x, spacing)[y]
        both = np.concatenate([there, back])
        hd95 = max(np.percentile(there, 95), np.percentile(back, 95))
        print(label, both.max(), hd95, both.mean(), file=out)
np.savetxt("percentiles.txt", np.percentile(np.fromfile("x.f32", "<f4").astype(float), [1, 50, 99.5]))
