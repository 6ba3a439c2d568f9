"""A quicker rasteriser for many small pictures: single precision, each vertex projected once, no clipping.

`zbuffer.rasterise` is the exact one; this one is for closed meshes that lie in front of the camera, as in
synthetic scenes.  Integer pixel coordinates are pixel centres.
"""

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.jit import kernel
from scorehoi_ros.types import Floats, Ints

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]


def project_fast(vertices_cam: Floats, K: Floats, near: float = 0.05) -> Float32:
    """Screen coordinates (n, 3): pixel x, y, inverse depth; NaN for vertices nearer than `near` metres."""
    points = np.asarray(vertices_cam, np.float64)
    z = np.where(points[:, 2] >= near, points[:, 2], np.nan)
    x = (K[0, 0] * points[:, 0] + K[0, 1] * points[:, 1]) / z + K[0, 2]
    return np.stack([x, K[1, 1] * points[:, 1] / z + K[1, 2], 1.0 / z], axis=1).astype(np.float32)


def draw_fast(
    screen: Float32, faces: Ints, width: int, height: int, cull: bool = True
) -> tuple[Float32, Int32]:
    """Draw triangles given on the screen; the largest third coordinate wins.

    `screen` (n, 3) pixel x, pixel y and a positive key that is linear on the screen (inverse depth, or the
    height above a plane in a parallel view); `faces` (m, 3), counter-clockwise seen from outside.  Triangles
    with a NaN corner are left out.  Returns key (height, width) float32, 0 = nothing, and face index int32,
    -1 = nothing.
    """
    key = np.zeros((height, width), np.float32)
    face_id = np.full((height, width), -1, np.int32)
    _draw(screen, np.ascontiguousarray(faces, np.int32), cull, key, face_id)
    return key, face_id


def gather(screen: Float32, faces: Ints, values: Float32, face_id: Int32) -> tuple[Float32, Int32]:
    """Vertex values (n, c) at the k covered pixels in row order, (k, c), and the faces there (k,).

    Interpolation is correct for perspective: the third coordinate of `screen` is the inverse depth.
    """
    covered = face_id.reshape(-1)
    count = int((covered >= 0).sum())
    out = np.empty((count, values.shape[1]), np.float32)
    ids = np.empty(count, np.int32)
    _gather(screen, np.ascontiguousarray(faces, np.int32), values, face_id, out, ids)
    return out, ids


def bounds(points: Float32) -> tuple[Float32, Float32]:
    """Least and greatest coordinates, (c,) each, of points (n, c), n > 0; numpy is slow at this."""
    low, high = points[0].copy(), points[0].copy()
    _bounds(np.ascontiguousarray(points), low, high)
    return low, high


def smooth_normals(vertices: Floats, faces: Ints) -> Float32:
    """(n, 3) unit normals, faces weighted by area; zero for a vertex without a face."""
    normals = np.zeros((len(vertices), 3), np.float32)
    _normals(np.ascontiguousarray(vertices, np.float32), np.ascontiguousarray(faces, np.int32), normals)
    return normals


@kernel
def _draw(screen, faces, cull, key, face_id):  # type: ignore[no-untyped-def]
    height, width = key.shape
    one, low = np.float32(1.0), np.float32(-1e-6)
    for face in range(faces.shape[0]):
        i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
        ax, ay, az = screen[i, 0], screen[i, 1], screen[i, 2]
        bx, by = screen[j, 0] - ax, screen[j, 1] - ay
        cx, cy = screen[k, 0] - ax, screen[k, 1] - ay
        area = bx * cy - by * cx
        # y points down, so a counter-clockwise outward face has a negative area on the screen
        if not (area < 0.0 or (area > 0.0 and not cull)):
            continue
        left, right = min(0.0, min(bx, cx)) + ax, max(0.0, max(bx, cx)) + ax
        top, bottom = min(0.0, min(by, cy)) + ay, max(0.0, max(by, cy)) + ay
        if not (right >= 0.0 and left <= width - 1 and bottom >= 0.0 and top <= height - 1):
            continue
        x0, x1 = int(np.ceil(max(left, 0.0))), int(np.floor(min(right, width - 1.0)))
        y0, y1 = int(np.ceil(max(top, 0.0))), int(np.floor(min(bottom, height - 1.0)))
        if x0 > x1 or y0 > y1:
            continue
        inverse = one / area
        bdx, bdy, cdx, cdy = cy * inverse, -cx * inverse, -by * inverse, bx * inverse
        bz, cz = screen[j, 2] - az, screen[k, 2] - az
        for y in range(y0, y1 + 1):
            py = np.float32(y) - ay
            for x in range(x0, x1 + 1):
                px = np.float32(x) - ax
                b = px * bdx + py * bdy
                c = px * cdx + py * cdy
                if b >= low and c >= low and b + c <= one - low:
                    z = az + b * bz + c * cz
                    if z > key[y, x]:
                        key[y, x] = z
                        face_id[y, x] = face


@kernel
def _gather(screen, faces, values, face_id, out, ids):  # type: ignore[no-untyped-def]
    row, channels = 0, values.shape[1]
    for y in range(face_id.shape[0]):
        for x in range(face_id.shape[1]):
            face = face_id[y, x]
            if face < 0:
                continue
            i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
            ax, ay = screen[i, 0], screen[i, 1]
            bx, by = screen[j, 0] - ax, screen[j, 1] - ay
            cx, cy = screen[k, 0] - ax, screen[k, 1] - ay
            area = bx * cy - by * cx
            px, py = np.float32(x) - ax, np.float32(y) - ay
            b = min(max((px * cy - py * cx) / area, np.float32(0.0)), np.float32(1.0))
            c = min(max((py * bx - px * by) / area, np.float32(0.0)), np.float32(1.0) - b)
            wa, wb, wc = (np.float32(1.0) - b - c) * screen[i, 2], b * screen[j, 2], c * screen[k, 2]
            total = np.float32(1.0) / (wa + wb + wc)
            wa, wb, wc = wa * total, wb * total, wc * total
            for n in range(channels):
                out[row, n] = wa * values[i, n] + wb * values[j, n] + wc * values[k, n]
            ids[row] = face
            row += 1


@kernel
def _bounds(points, low, high):  # type: ignore[no-untyped-def]
    for i in range(points.shape[0]):
        for n in range(points.shape[1]):
            low[n], high[n] = min(low[n], points[i, n]), max(high[n], points[i, n])


@kernel
def _normals(vertices, faces, normals):  # type: ignore[no-untyped-def]
    for face in range(faces.shape[0]):
        i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
        ux, uy, uz = (
            vertices[j, 0] - vertices[i, 0],
            vertices[j, 1] - vertices[i, 1],
            vertices[j, 2] - vertices[i, 2],
        )
        vx, vy, vz = (
            vertices[k, 0] - vertices[i, 0],
            vertices[k, 1] - vertices[i, 1],
            vertices[k, 2] - vertices[i, 2],
        )
        cross = (uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx)
        for n in range(3):
            normals[i, n] += cross[n]
            normals[j, n] += cross[n]
            normals[k, n] += cross[n]
    for v in range(normals.shape[0]):
        x, y, z = normals[v, 0], normals[v, 1], normals[v, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0.0:
            for n in range(3):
                normals[v, n] /= length
