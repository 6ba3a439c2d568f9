"""The zero level of a grid of values as a closed mesh."""

import numpy as np

from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.types import Bools, Floats, Ints


def level_set(values: Floats) -> Mesh:
    """Closed surface between negative and other nodes of a grid (nx, ny, nz), in grid units, faces outwards.

    Surface nets (Gibson 1998): one vertex in each cell that the surface crosses, at the mean of the crossings
    of its edges, and one quad across each crossed grid edge.  The values on the border must not be negative.
    """
    inside = values < 0
    total = np.zeros((*(n - 1 for n in values.shape), 3))
    count = np.zeros(total.shape[:3])
    for axis in range(3):
        _add_crossings(values, axis, total, count)
    cells = count > 0
    ids = np.full(cells.shape, -1, np.int64)
    ids[cells] = np.arange(cells.sum())
    faces = np.concatenate([_quads(inside, ids, axis) for axis in range(3)])
    return Mesh(total[cells] / count[cells][:, None], faces)


def _add_crossings(values: Floats, axis: int, total: Floats, count: Floats) -> None:
    """Add the crossing points of all grid edges along `axis` to the four cells around each."""
    v = np.moveaxis(values, axis, 0)
    low, high = v[:-1], v[1:]
    crossed = (low < 0) != (high < 0)
    edge = np.argwhere(crossed)
    a, b = low[crossed], high[crossed]
    point = edge.astype(float)
    point[:, 0] += a / (a - b)
    order = [axis, *(c for c in range(3) if c != axis)]
    back = np.argsort(order)
    for dj in (0, 1):
        for dk in (0, 1):
            cell = (edge - [0, dj, dk])[:, back]
            inside_grid = ((cell >= 0) & (cell < count.shape)).all(axis=1)
            where = tuple(cell[inside_grid].T)
            np.add.at(total, where, point[:, back][inside_grid])
            np.add.at(count, where, 1)


def _quads(inside: Bools, ids: Ints, axis: int) -> Ints:
    """Two triangles (n, 3) for each crossed grid edge along `axis`."""
    # A cyclic order of the axes keeps the orientation the same for all three.
    order = [axis, (axis + 1) % 3, (axis + 2) % 3]
    solid, cell = inside.transpose(order), ids.transpose(order)
    first, second = solid[:-1, 1:-1, 1:-1], solid[1:, 1:-1, 1:-1]
    quads = np.stack([cell[:, :-1, :-1], cell[:, 1:, :-1], cell[:, 1:, 1:], cell[:, :-1, 1:]], axis=-1)
    leaving = quads[first & ~second]
    entering = quads[~first & second][:, ::-1]
    quad = np.concatenate([leaving, entering])
    return np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]])
