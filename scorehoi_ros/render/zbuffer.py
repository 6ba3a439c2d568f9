"""Depth, face index and silhouette of a triangle mesh seen by a pinhole camera.

Integer pixel coordinates are pixel centres, as in OpenCV and ROS.
"""

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import CameraError, InputError
from scorehoi_ros.jit import kernel
from scorehoi_ros.types import Bools, Floats, Ints

NEAR_M = 0.01
"""Nothing nearer than this to the camera plane is drawn; triangles that cross it are clipped."""
MAX_PIXELS = 1 << 28
EDGE_TOLERANCE = 1e-9
"""In barycentric units: neighbours both claim a pixel centre on their shared edge, so there are no cracks."""


def rasterise(
    vertices_cam: Floats, faces: Ints, K: Floats, width: int, height: int, *, cull: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Draw a mesh into a depth image and a face-index image.

    `vertices_cam` (n, 3) metres, camera optical frame; `faces` (m, 3); `K` (3, 3).  With `cull`, faces whose
    outward side (counter-clockwise seen from outside) looks away from the camera are left out.
    Triangles with a vertex that is not finite are left out; those that cross the near plane are clipped.
    Returns depth (height, width) float32 metres, 0 = nothing, and face index (height, width) int32,
    -1 = nothing.
    Raises InputError for arrays of a wrong shape or faces out of range, CameraError for K that is not finite.
    """
    points, triangles, intrinsics = _checked(vertices_cam, faces, K, width, height)
    inverse_depth = np.zeros((height, width), np.float32)
    face_id = np.full((height, width), -1, np.int32)
    _draw(points, triangles, intrinsics, NEAR_M, cull, inverse_depth, face_id)
    np.divide(1.0, inverse_depth, out=inverse_depth, where=face_id >= 0)
    return inverse_depth, face_id


def silhouette(vertices_cam: Floats, faces: Ints, K: Floats, width: int, height: int) -> Bools:
    """Pixels whose centre the mesh covers, (height, width) bool; arguments and errors as `rasterise`."""
    points, triangles, intrinsics = _checked(vertices_cam, faces, K, width, height)
    mask = np.zeros((height, width), np.bool_)
    _cover(points, triangles, intrinsics, NEAR_M, mask)
    return mask


def _checked(
    vertices: Floats, faces: Ints, K: Floats, width: int, height: int
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.float64]]:
    points = np.ascontiguousarray(vertices, np.float64)
    triangles = np.ascontiguousarray(faces, np.int32)
    intrinsics = np.ascontiguousarray(K, np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise InputError(f"vertices to draw must have the shape (n, 3). Got {points.shape}.")
    if triangles.ndim != 2 or triangles.shape[1] != 3:
        raise InputError(f"faces to draw must have the shape (m, 3). Got {triangles.shape}.")
    if len(triangles) and not (triangles.min() >= 0 and triangles.max() < len(points)):
        raise InputError(
            f"faces must index the {len(points)} vertices. Got {triangles.min()} to {triangles.max()}: "
            "the faces belong to another mesh."
        )
    if intrinsics.shape != (3, 3) or not np.isfinite(intrinsics).all():
        raise CameraError(f"K must be a finite (3, 3) matrix to draw with. Got {intrinsics.tolist()}.")
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise InputError(f"the picture to draw needs 1 to {MAX_PIXELS} pixels. Got {width} x {height}.")
    return points, triangles, intrinsics


@kernel
def _clip_near(points, triangle, near, polygon):  # type: ignore[no-untyped-def]
    """Cut a triangle at z = near into `polygon` (4, 3); returns its number of corners: 0, 3 or 4."""
    count = 0
    for i in range(3):
        p, q = triangle[i], triangle[(i + 1) % 3]
        pz, qz = points[p, 2], points[q, 2]
        if not (np.isfinite(points[p, 0]) and np.isfinite(points[p, 1]) and np.isfinite(pz)):
            return 0
        if pz >= near:
            polygon[count] = points[p]
            count += 1
        if (pz >= near) != (qz >= near) and np.isfinite(qz):
            s = (near - pz) / (qz - pz)
            for k in range(3):
                polygon[count, k] = points[p, k] + s * (points[q, k] - points[p, k])
            count += 1
    return count


@kernel
def _project(K, polygon, count, screen):  # type: ignore[no-untyped-def]
    """Fill `screen` (4, 3) with pixel x, pixel y and inverse depth of each corner."""
    for i in range(count):
        w = 1.0 / polygon[i, 2]
        screen[i, 0] = (K[0, 0] * polygon[i, 0] + K[0, 1] * polygon[i, 1]) * w + K[0, 2]
        screen[i, 1] = K[1, 1] * polygon[i, 1] * w + K[1, 2]
        screen[i, 2] = w


@kernel
def _pixel_range(a, b, c, size):  # type: ignore[no-untyped-def]
    """First and last pixel centre between the extremes of three coordinates, inside 0 .. size - 1."""
    low = max(min(a, min(b, c)), 0.0)
    high = min(max(a, max(b, c)), size - 1.0)
    if not low <= high:
        return 0, -1
    return int(np.ceil(low)), int(np.floor(high))


@kernel
def _setup(screen, i, j, width, height, edges, box):  # type: ignore[no-untyped-def]
    """Barycentric steps and pixel box of the triangle (0, i, j) of the polygon; returns twice its area."""
    ax, ay = screen[0, 0], screen[0, 1]
    bx, by = screen[i, 0] - ax, screen[i, 1] - ay
    cx, cy = screen[j, 0] - ax, screen[j, 1] - ay
    area = bx * cy - by * cx
    if area == 0.0 or not np.isfinite(area):
        return 0.0
    edges[0], edges[1], edges[2], edges[3] = cy / area, -cx / area, -by / area, bx / area
    box[0], box[1] = _pixel_range(ax, screen[i, 0], screen[j, 0], width)
    box[2], box[3] = _pixel_range(ay, screen[i, 1], screen[j, 1], height)
    return area


@kernel
def _fill(screen, i, j, edges, box, face, inverse_depth, face_id):  # type: ignore[no-untyped-def]
    """Inverse depth is linear on the screen, so it is interpolated; the largest wins."""
    za = screen[0, 2]
    zb, zc = screen[i, 2] - za, screen[j, 2] - za
    low = -EDGE_TOLERANCE
    for y in range(box[2], box[3] + 1):
        py = y - screen[0, 1]
        for x in range(box[0], box[1] + 1):
            px = x - screen[0, 0]
            b = px * edges[0] + py * edges[1]
            c = px * edges[2] + py * edges[3]
            if b >= low and c >= low and b + c <= 1.0 - low:
                z = np.float32(za + b * zb + c * zc)
                if z > inverse_depth[y, x]:
                    inverse_depth[y, x] = z
                    face_id[y, x] = face


@kernel
def _draw(points, faces, K, near, cull, inverse_depth, face_id):  # type: ignore[no-untyped-def]
    height, width = inverse_depth.shape
    polygon, screen = np.empty((4, 3)), np.empty((4, 3))
    edges, box = np.empty(4), np.empty(4, np.int64)
    for face in range(faces.shape[0]):
        count = _clip_near(points, faces[face], near, polygon)
        _project(K, polygon, count, screen)
        for i in range(1, count - 1):
            area = _setup(screen, i, i + 1, width, height, edges, box)
            # y points down, so a counter-clockwise outward face has a negative area on the screen
            if area == 0.0 or (cull and area > 0.0):
                continue
            _fill(screen, i, i + 1, edges, box, face, inverse_depth, face_id)


@kernel
def _cover(points, faces, K, near, mask):  # type: ignore[no-untyped-def]
    """Each vertex is projected once; a face that reaches behind `near` is clipped and then covered."""
    polygon, screen = np.empty((4, 3)), np.empty((4, 3))
    x, y = np.empty(len(points)), np.empty(len(points))
    for i in range(len(points)):
        w = 1.0 / points[i, 2] if points[i, 2] >= near else np.nan
        x[i] = (K[0, 0] * points[i, 0] + K[0, 1] * points[i, 1]) * w + K[0, 2]
        y[i] = K[1, 1] * points[i, 1] * w + K[1, 2]
    for face in range(faces.shape[0]):
        a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
        if np.isfinite(x[a] + y[a] + x[b] + y[b] + x[c] + y[c]):
            _cover_triangle(x[a], y[a], x[b], y[b], x[c], y[c], mask)
            continue
        count = _clip_near(points, faces[face], near, polygon)
        _project(K, polygon, count, screen)
        for i in range(1, count - 1):
            p, q, r = screen[0], screen[i], screen[i + 1]
            _cover_triangle(p[0], p[1], q[0], q[1], r[0], r[1], mask)


@kernel
def _cover_triangle(ax, ay, bx, by, cx, cy, mask):  # type: ignore[no-untyped-def]
    """Set the pixels whose centre is in the triangle a b c on the screen."""
    x0, x1 = _pixel_range(ax, bx, cx, mask.shape[1])
    if x0 > x1:
        return
    y0, y1 = _pixel_range(ay, by, cy, mask.shape[0])
    bx, by, cx, cy = bx - ax, by - ay, cx - ax, cy - ay
    area = bx * cy - by * cx
    if y0 > y1 or area == 0.0 or not np.isfinite(area):
        return
    low = -EDGE_TOLERANCE
    bdx, bdy, cdx, cdy = cy / area, -cx / area, -by / area, bx / area
    for y in range(y0, y1 + 1):
        py = y - ay
        for x in range(x0, x1 + 1):
            px = x - ax
            b = px * bdx + py * bdy
            c = px * cdx + py * cdy
            if b >= low and c >= low and b + c <= 1.0 - low:
                mask[y, x] = True
