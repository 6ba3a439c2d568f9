"""Compiled loops behind the signed distance grid: exact distances near it, signs by counting crossings.

Everything here works in grid units: node (i, j, k) is the point (i, j, k), so the node spacing is 1.
"""

import math

import numpy as np

from scorehoi_ros.jit import kernel
from scorehoi_ros.types import Floats, Ints


@kernel
def triangle_distance2(p: Floats, a: Floats, b: Floats, c: Floats) -> float:
    """Squared distance from p (3,) to the triangle a b c, by the Voronoi regions of its features.

    Ericson, Real-Time Collision Detection, section 5.1.5.
    """
    ab0, ab1, ab2 = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    ac0, ac1, ac2 = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    ap0, ap1, ap2 = p[0] - a[0], p[1] - a[1], p[2] - a[2]
    d1 = ab0 * ap0 + ab1 * ap1 + ab2 * ap2
    d2 = ac0 * ap0 + ac1 * ap1 + ac2 * ap2
    if d1 <= 0.0 and d2 <= 0.0:
        return ap0 * ap0 + ap1 * ap1 + ap2 * ap2
    bp0, bp1, bp2 = p[0] - b[0], p[1] - b[1], p[2] - b[2]
    d3 = ab0 * bp0 + ab1 * bp1 + ab2 * bp2
    d4 = ac0 * bp0 + ac1 * bp1 + ac2 * bp2
    if d3 >= 0.0 and d4 <= d3:
        return bp0 * bp0 + bp1 * bp1 + bp2 * bp2
    cp0, cp1, cp2 = p[0] - c[0], p[1] - c[1], p[2] - c[2]
    d5 = ab0 * cp0 + ab1 * cp1 + ab2 * cp2
    d6 = ac0 * cp0 + ac1 * cp1 + ac2 * cp2
    if d6 >= 0.0 and d5 <= d6:
        return cp0 * cp0 + cp1 * cp1 + cp2 * cp2
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    if vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        v, w = (d1 / (d1 - d3) if d1 != d3 else 0.0), 0.0
    elif vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        v, w = 0.0, (d2 / (d2 - d6) if d2 != d6 else 0.0)
    elif va <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
        total = (d4 - d3) + (d5 - d6)
        w = (d4 - d3) / total if total != 0.0 else 0.0
        v = 1.0 - w
    else:
        total = va + vb + vc
        if total == 0.0:
            return ap0 * ap0 + ap1 * ap1 + ap2 * ap2
        v, w = vb / total, vc / total
    q0, q1, q2 = ap0 - v * ab0 - w * ac0, ap1 - v * ab1 - w * ac1, ap2 - v * ab2 - w * ac2
    return q0 * q0 + q1 * q1 + q2 * q2


@kernel
def band_distances(triangles: Floats, shape: tuple[int, ...], reach: float) -> tuple[Floats, Ints]:
    """Exact squared distance and nearest triangle for the nodes within `reach` of the box of a triangle.

    triangles (F, 3, 3) in grid units.  Returns squared distances (nx, ny, nz), infinite where not reached,
    and triangle ids int32, -1 where not reached.
    """
    best = np.full(shape, np.inf)
    nearest = np.full(shape, -1, np.int32)
    p = np.empty(3)
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for f in range(len(triangles)):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        for axis in range(3):
            low[axis] = max(0, math.ceil(min(a[axis], b[axis], c[axis]) - reach))
            high[axis] = min(shape[axis] - 1, math.floor(max(a[axis], b[axis], c[axis]) + reach))
        for i in range(low[0], high[0] + 1):
            for j in range(low[1], high[1] + 1):
                for k in range(low[2], high[2] + 1):
                    p[0], p[1], p[2] = i, j, k
                    d = triangle_distance2(p, a, b, c)
                    if d < best[i, j, k]:
                        best[i, j, k] = d
                        nearest[i, j, k] = f
    return best, nearest


@kernel
def _sweep(triangles: Floats, best: Floats, nearest: Ints, sx: int, sy: int, sz: int) -> int:
    """One pass in the direction (sx, sy, sz): each node tries the triangles of its 7 predecessors."""
    nx, ny, nz = best.shape
    p = np.empty(3)
    changed = 0
    for ii in range(nx):
        i = ii if sx > 0 else nx - 1 - ii
        for jj in range(ny):
            j = jj if sy > 0 else ny - 1 - jj
            for kk in range(nz):
                k = kk if sz > 0 else nz - 1 - kk
                p[0], p[1], p[2] = i, j, k
                for code in range(1, 8):
                    u, v, w = i - sx * (code & 1), j - sy * ((code >> 1) & 1), k - sz * ((code >> 2) & 1)
                    if u < 0 or u >= nx or v < 0 or v >= ny or w < 0 or w >= nz:
                        continue
                    f = nearest[u, v, w]
                    if f < 0 or f == nearest[i, j, k]:
                        continue
                    d = triangle_distance2(p, triangles[f, 0], triangles[f, 1], triangles[f, 2])
                    if d < best[i, j, k]:
                        best[i, j, k] = d
                        nearest[i, j, k] = f
                        changed += 1
    return changed


@kernel
def spread_distances(triangles: Floats, best: Floats, nearest: Ints) -> None:
    """Carry the nearest triangles of a band outwards to all nodes, in place, by eight directed sweeps."""
    for code in range(8):
        _sweep(triangles, best, nearest, 1 - 2 * (code & 1), 1 - (code & 2), 1 - ((code >> 1) & 2))


@kernel
def _left_of(px: float, py: float, ax: float, ay: float, bx: float, by: float) -> bool:
    """Whether p is left of a->b; a point on the line belongs to one side, the same for both directions.

    The ends are ordered before anything is computed, so two triangles that share an edge always agree.
    """
    if ax < bx or (ax == bx and ay < by):
        return (bx - ax) * (py - ay) - (by - ay) * (px - ax) >= 0.0
    return (ax - bx) * (py - by) - (ay - by) * (px - bx) < 0.0


@kernel
def _add_crossings(triangles: Floats, sx: int, sy: int, counts: Ints) -> None:
    """Add the signed crossings of the lines (i + sx k, j + sy k, k) with every triangle to `counts`.

    counts (nx, ny, nz, 2): [..., 0] collects what a ray from the node towards +k meets: +1 leaving
    through a face, -1 entering;
    [..., 1] the same towards -k.
    """
    nx, ny, nz, _ = counts.shape
    for f in range(len(triangles)):
        az, bz, cz = triangles[f, 0, 2], triangles[f, 1, 2], triangles[f, 2, 2]
        ax, ay = triangles[f, 0, 0] - sx * az, triangles[f, 0, 1] - sy * az
        bx, by = triangles[f, 1, 0] - sx * bz, triangles[f, 1, 1] - sy * bz
        cx, cy = triangles[f, 2, 0] - sx * cz, triangles[f, 2, 1] - sy * cz
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        sign = 1 if area > 0.0 else -1
        for i in range(math.ceil(min(ax, bx, cx)), math.floor(max(ax, bx, cx)) + 1):
            for j in range(math.ceil(min(ay, by, cy)), math.floor(max(ay, by, cy)) + 1):
                left = _left_of(i, j, ax, ay, bx, by)
                if left != _left_of(i, j, bx, by, cx, cy) or left != _left_of(i, j, cx, cy, ax, ay):
                    continue
                u = ((cx - bx) * (j - by) - (cy - by) * (i - bx)) / area
                v = ((ax - cx) * (j - cy) - (ay - cy) * (i - cx)) / area
                height = u * az + v * bz + (1.0 - u - v) * cz
                for k in range(nz):
                    x, y = i + sx * k, j + sy * k
                    if x < 0 or x >= nx or y < 0 or y >= ny:
                        continue
                    if k < height:
                        counts[x, y, k, 0] += sign
                    else:
                        counts[x, y, k, 1] -= sign


@kernel
def winding_numbers(triangles: Floats, shape: tuple[int, ...]) -> Floats:
    """Generalised winding number (nx, ny, nz) of every node, as the mean of signed crossings over 26 rays.

    The winding number of a point is the mean over all directions of the signed crossings of a ray (Jacobson
    et al. 2013, "Robust inside-outside segmentation using generalized winding numbers"); the 26 directions to
    the neighbours of a node sample it, weighted towards equal solid angles.  Exact for closed surfaces, also
    for overlapping ones, where it counts how many enclose the node; a fraction near the holes of open ones.
    """
    total = np.zeros(shape)
    weights = 0.0
    nx, ny, nz = shape
    order = np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1]])
    for axis in range(3):
        o = order[axis]
        turned = np.empty_like(triangles)
        for c in range(3):
            turned[:, :, c] = triangles[:, :, o[c]]
        dims = (shape[o[0]], shape[o[1]], shape[o[2]])
        for sx in range(-1, 2):
            for sy in range(-1, 2):
                # A diagonal line is met from two (edge) or three (corner) of the axes.
                weight = 1.0 / (1 + abs(sx) + abs(sy))
                counts = np.zeros((dims[0], dims[1], dims[2], 2), np.int32)
                _add_crossings(turned, sx, sy, counts)
                weights += 2.0 * weight
                for i in range(dims[0]):
                    for j in range(dims[1]):
                        for k in range(dims[2]):
                            value = weight * (counts[i, j, k, 0] + counts[i, j, k, 1])
                            if axis == 0:
                                total[i, j, k] += value
                            elif axis == 1:
                                total[k, i, j] += value
                            else:
                                total[j, k, i] += value
    return total / weights


@kernel
def sample_points(values: Floats, origin: Floats, spacing: float, points: Floats) -> Floats:
    """Trilinear interpolation (n,) of a grid (nx, ny, nz) at points (n, 3), which are in metres.

    Outside the grid the distance to it is added.
    """
    found = np.empty(len(points))
    base, part = np.empty(3, np.int64), np.empty(3)
    for n in range(len(points)):
        beyond = 0.0
        for c in range(3):
            at = (points[n, c] - origin[c]) / spacing
            top = values.shape[c] - 1
            clamped = min(max(at, 0.0), float(top))
            base[c] = min(int(clamped), top - 1)
            part[c] = clamped - base[c]
            beyond += (at - clamped) ** 2
        i, j, k = base[0], base[1], base[2]
        x, y, z = part[0], part[1], part[2]
        near = (values[i, j, k] * (1 - z) + values[i, j, k + 1] * z) * (1 - y)
        near += (values[i, j + 1, k] * (1 - z) + values[i, j + 1, k + 1] * z) * y
        far = (values[i + 1, j, k] * (1 - z) + values[i + 1, j, k + 1] * z) * (1 - y)
        far += (values[i + 1, j + 1, k] * (1 - z) + values[i + 1, j + 1, k + 1] * z) * y
        found[n] = near * (1 - x) + far * x + spacing * math.sqrt(beyond)
    return found
