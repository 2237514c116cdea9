"""nibabel beside our NIfTI codec.

nifti.py write DIR         NIfTI files of every type, endianness and version, each with NAME.f32 (float32, i fastest)
                           and NAME.affine (12 numbers).
nifti.py read FILE...      for each file, FILE.f32 and FILE.affine as nibabel reads it.
nifti.py frames FILE       the same of a time series, and FILE.shape: its four dimensions and the seconds between frames.
"""
import gzip
import itertools
import os
import sys

import nibabel
import numpy as np


def dump(name, image):
    data = np.asanyarray(image.dataobj).astype(np.float64)
    data.astype("<f4").ravel(order="F").tofile(name + ".f32")
    np.savetxt(name + ".affine", image.affine[:3].reshape(1, 12), fmt="%.17g")


def write(folder):
    rng = np.random.default_rng(7)
    shape = (7, 5, 4)
    types = "u1 i1 i2 u2 i4 u4 i8 u8 f4 f8".split()
    sform = np.array([[-1.5, 0.1, 0, 40], [0.2, 2, 0.3, -30], [0, -0.1, 3, 12], [0, 0, 0, 1.0]])
    c, s = np.cos(0.4), np.sin(0.4)
    qform = np.array([[c, -s, 0, 9], [s, c, 0, -8], [0, 0, -1, 7], [0, 0, 0, 1.0]]) @ np.diag([1.25, 2, 4, 1])
    for kind, order, version, slope in itertools.product(types, "<>", (1, 2), (None, (0.25, -3.5))):
        if kind[0] == "f":
            data = rng.normal(0, 1000, shape)
        else:
            info = np.iinfo(kind)
            data = rng.integers(max(info.min, -(2**50)), min(info.max, 2**50), shape, endpoint=True)
        header = (nibabel.Nifti1Header if version == 1 else nibabel.Nifti2Header)(endianness=order)
        header.set_data_dtype(np.dtype(kind).newbyteorder(order))
        maker = nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image
        image = maker(data.astype(kind), None, header)
        which = rng.integers(0, 3)
        if which == 0:
            image.set_sform(sform, 1)
            image.set_qform(qform, 1)
        elif which == 1:
            image.set_sform(sform, 0)
            image.set_qform(qform, 2)
        else:
            image.set_sform(sform, 3)
            image.set_qform(None, 0)
        if slope:
            image.header.set_slope_inter(*slope)
        name = os.path.join(folder, f"{kind}{'le' if order == '<' else 'be'}{version}{'s' if slope else ''}.nii")
        nibabel.save(image, name)
        if slope:  # nibabel resets the scaling of integer data when saving: state it in the bytes.
            with open(name, "r+b") as file:
                file.seek(112 if version == 1 else 176)
                file.write(np.array(slope, order + ("f4" if version == 1 else "f8")).tobytes())
        with open(name, "rb") as plain, gzip.open(name + ".gz", "wb") as packed:
            packed.write(plain.read())
        dump(name, nibabel.load(name))


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2])
    elif sys.argv[1] == "frames":
        image = nibabel.load(sys.argv[2])
        dump(sys.argv[2], image)
        assert image.header.get_xyzt_units() == ("mm", "sec")
        np.savetxt(sys.argv[2] + ".shape", [[*image.shape, image.header.get_zooms()[3]]], fmt="%.9g")
    else:
        for path in sys.argv[2:]:
            dump(path, nibabel.load(path))
