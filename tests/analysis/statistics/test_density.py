import math

import numpy as np

from analysis.statistics import density

RNG = np.random.default_rng(7)


def test_point_density_agrees_with_counting_neighbors_in_the_cell():
    x, y = RNG.uniform(size=(2, 300))
    bins = int(math.sqrt(300) / 2)
    cell = [np.minimum(((v - v.min()) / np.ptp(v) * bins).astype(int), bins - 1) for v in (x, y)]
    twin = [sum((cell[0] == a) & (cell[1] == b)) for a, b in zip(*cell, strict=True)]
    np.testing.assert_array_equal(density.point_density(x, y), twin)
