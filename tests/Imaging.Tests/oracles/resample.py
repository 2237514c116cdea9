"""scipy.ndimage beside our resampling: resample.py JOBS.json

Each job: input (float32, i fastest), shape, target (shapes i, j, k), order, mode, sigma (source voxels), and
matrix (target index -> source index, 3x4). Writes NAME.out (float32, i fastest), 0 outside the field of view.
"""
import json
import sys

import numpy as np
from scipy import ndimage

for job in json.load(open(sys.argv[1])):
    data = np.fromfile(job["input"], "<f4").astype(float).reshape(job["shape"], order="F")
    if any(job["sigma"]):
        data = ndimage.gaussian_filter(data, job["sigma"], mode=job["mode"])
    matrix = np.array(job["matrix"]).reshape(3, 4)
    index = np.indices(job["target"]).reshape(3, -1)
    points = matrix[:, :3] @ index + matrix[:, 3:]
    values = ndimage.map_coordinates(data, points, order=job["order"], mode=job["mode"])
    size = np.array(job["shape"])[:, None]
    inside = np.all((points >= -0.5 - 1e-4) & (points <= size - 0.5 + 1e-4), axis=0)
    result = np.where(inside, values, 0).reshape(job["target"])
    result.astype("<f4").ravel(order="F").tofile(job["name"] + ".out")
