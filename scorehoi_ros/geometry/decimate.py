"""Coarser triangles over the same vertices, for markers; plain numpy."""

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.types import Floats, Ints


def coarse_faces(vertices: Floats, faces: Ints, limit: int) -> NDArray[np.int64]:
    """At most `limit` triangles (m, 3) that index the given vertices, so that they follow every pose.

    Vertices of one grid cell become the one nearest to the cell's mean; triangles that collapse vanish.
    The cell is doubled in area until the limit holds.
    """
    triangles: NDArray[np.int64] = np.array(faces, np.int64)
    points = np.asarray(vertices, np.float64)
    if len(triangles) <= limit:
        return triangles
    cell = float(np.ptp(points, axis=0).max()) / 256
    coarse = triangles
    while len(coarse) > limit:
        coarse = _clustered(points, triangles, cell)
        cell *= np.sqrt(2)
    return coarse


def _clustered(points: Floats, faces: NDArray[np.int64], cell: float) -> NDArray[np.int64]:
    _, group = np.unique(
        np.floor((points - points.min(0)) / cell).astype(np.int64), axis=0, return_inverse=True
    )
    group = group.reshape(-1)
    count = np.bincount(group)
    means = np.stack([np.bincount(group, points[:, i]) for i in range(3)], 1) / count[:, None]
    distance = np.linalg.norm(points - means[group], axis=1)
    order = np.lexsort((distance, group))
    first = np.unique(group[order], return_index=True)[1]
    merged = order[first][group][faces]
    a, b, c = merged.T
    kept = merged[(a != b) & (b != c) & (a != c)]
    _, unique = np.unique(np.sort(kept, axis=1), axis=0, return_index=True)
    return kept[np.sort(unique)]
