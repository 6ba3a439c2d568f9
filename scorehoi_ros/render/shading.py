"""Smooth shading of coloured meshes with a soft key light, sky light and creases, on the CPU."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from scorehoi_ros.jit import kernel
from scorehoi_ros.render.zbuffer import rasterise
from scorehoi_ros.types import Floats, Ints

KEY_LIGHT = np.array([-0.45, -0.75, -0.55])
"""Towards the light, camera frame: from the upper left, behind the photographer."""


@dataclass(frozen=True)
class Surface:
    """A mesh in the camera frame with one colour for each vertex."""

    vertices: Floats
    """(n, 3) metres, camera frame."""
    faces: Ints
    """(m, 3)."""
    colours: Floats
    """(n, 3) 0..1."""
    smooth: bool = True
    """False = edges stay sharp where faces meet at a large angle."""


@dataclass(frozen=True)
class Light:
    """One soft directional light over a sky that is brighter above than below."""

    direction: Floats
    """(3,) towards the light."""
    up: Floats
    """(3,) away from the floor."""
    key: float = 0.62
    sky: float = 0.42
    ground: float = 0.40
    shine: float = 0.10


@dataclass(frozen=True)
class Layer:
    """A rendered picture with its coverage, ready to be laid over another."""

    rgb: NDArray[np.float32]
    """(H, W, 3) 0..1, not multiplied by alpha."""
    alpha: NDArray[np.float32]
    """(H, W) 0..1 coverage of each pixel."""
    depth: NDArray[np.float32]
    """(H, W) metres, 0 = nothing."""


def vertex_normals(vertices: Floats, faces: Ints) -> Floats:
    """(n, 3) unit normals, faces weighted by area; zero for a vertex without a face."""
    corners = vertices[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.stack(
        [np.bincount(faces.ravel(), np.repeat(cross[:, k], 3), len(vertices)) for k in range(3)], axis=1
    )
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(np.divide(normals, length, out=np.zeros_like(normals), where=length > 0))


def creased(vertices: Floats, faces: Ints, limit_deg: float = 40.0) -> tuple[Floats, Ints, Floats]:
    """Corners (3m, 3), faces of these corners, and a normal for each corner.

    A corner averages the faces around its vertex, by area, that bend less than the limit from its own face.
    """
    index = faces.ravel()
    corners = vertices[index]
    cross = np.cross(corners[1::3] - corners[::3], corners[2::3] - corners[::3]).repeat(3, axis=0)
    flat = cross / np.maximum(np.linalg.norm(cross, axis=1, keepdims=True), 1e-15)
    incidence = csr_matrix((np.ones(len(index)), (np.arange(len(index)), index)), (len(index), len(vertices)))
    pairs = (incidence @ incidence.T).tocoo()
    gentle = (flat[pairs.row] * flat[pairs.col]).sum(1) > np.cos(np.radians(limit_deg))
    row, col = pairs.row[gentle], pairs.col[gentle]
    normals = np.stack([np.bincount(row, cross[col, k], len(index)) for k in range(3)], axis=1)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.divide(normals, length, out=np.zeros_like(normals), where=length > 0)
    return corners, np.arange(len(index)).reshape(-1, 3), np.asarray(normals, np.float64)


def join(surfaces: list[Surface]) -> tuple[Floats, Ints, Floats, Floats]:
    """Vertices, faces, colours and normals of all surfaces as one mesh."""
    vertices, faces, colours, normals, offset = [], [], [], [], 0
    for s in surfaces:
        if s.smooth:
            v, f, c, n = s.vertices, s.faces, s.colours, vertex_normals(s.vertices, s.faces)
        else:
            v, f, n = creased(s.vertices, s.faces)
            c = s.colours[s.faces.ravel()]
        vertices.append(v)
        faces.append(f + offset)
        colours.append(c)
        normals.append(n)
        offset += len(v)
    return (
        np.concatenate(vertices).astype(np.float64),
        np.concatenate(faces).astype(np.int32),
        np.concatenate(colours),
        np.concatenate(normals),
    )


def draw(
    surfaces: list[Surface],
    K: Floats,
    width: int,
    height: int,
    light: Light | None = None,
    supersample: int = 2,
) -> Layer:
    """Render shaded surfaces with smooth outlines; `supersample` squared samples for each pixel."""
    layer = Layer(
        np.zeros((height, width, 3), np.float32),
        np.zeros((height, width), np.float32),
        np.zeros((height, width), np.float32),
    )
    if not surfaces:
        return layer
    vertices, faces, colours, normals = join(surfaces)
    x0, y0, x1, y1 = window(vertices, K, width, height)
    if x1 <= x0 or y1 <= y0:
        return layer
    shifted = np.asarray(K, np.float64) - np.array([[0, 0, x0], [0, 0, y0], [0, 0, 0]])
    fine = fine_intrinsics(shifted, supersample)
    depth, face_id = rasterise(vertices, faces, fine, (x1 - x0) * supersample, (y1 - y0) * supersample)
    rgb = np.zeros((*depth.shape, 3), np.float32)
    points, values = interpolated(vertices, faces, np.c_[normals, colours], fine, depth, face_id)
    chosen = light or Light(KEY_LIGHT, np.array([0.0, -1.0, 0.0]))
    rgb[face_id >= 0] = lit(points, values[:, :3], values[:, 3:], chosen)
    rgb *= crease_darkening(depth, fine[0, 0])[..., None]
    part = _reduced(rgb, depth, supersample)
    here = np.s_[y0:y1, x0:x1]
    layer.rgb[here], layer.alpha[here], layer.depth[here] = part.rgb, part.alpha, part.depth
    return layer


def window(vertices: Floats, K: Floats, width: int, height: int) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the pixels that vertices (n, 3) can cover; all when one is near or behind."""
    if vertices[:, 2].min() < 0.1:
        return 0, 0, width, height
    pixels = (vertices @ np.asarray(K, np.float64).T)[:, :2] / vertices[:, 2:]
    low, high = np.floor(pixels.min(0)).astype(int) - 1, np.ceil(pixels.max(0)).astype(int) + 2
    return max(low[0], 0), max(low[1], 0), min(high[0], width), min(high[1], height)


def fine_intrinsics(K: Floats, s: float) -> Floats:
    """K of a picture with `s` times as many pixels along each side, centres at integers in both."""
    scale = np.array([[s, 0, (s - 1) / 2], [0, s, (s - 1) / 2], [0, 0, 1.0]])
    return np.asarray(scale @ np.asarray(K, np.float64))


def unit(vector: Floats) -> Floats:
    """The vector with length one."""
    return np.asarray(vector, np.float64) / np.linalg.norm(vector)


def crease_darkening(depth: NDArray[np.float32], focal: float, radius_m: float = 0.05) -> NDArray[np.float32]:
    """Factor (H, W) 0.6..1 that darkens what lies behind its surroundings, where light reaches less.

    Depth is compared with its blurred self (Luft et al., Image Enhancement by Unsharp Masking the Depth
    Buffer, 2006); only covered pixels enter the blur.
    """
    covered = (depth > 0).astype(np.float32)
    if not covered.any():
        return np.ones_like(depth)
    sigma = max(radius_m * focal / float(np.median(depth[depth > 0])), 1.0)
    factor = int(np.clip(sigma // 3, 1, 8))  # a wide blur loses nothing on a smaller picture
    size = (max(depth.shape[1] // factor, 1), max(depth.shape[0] // factor, 1))
    small = [cv2.resize(a, size, interpolation=cv2.INTER_AREA) for a in (depth, covered)]
    sums = [cv2.GaussianBlur(a, (0, 0), sigma / factor) for a in small]
    mean = sums[0] / np.maximum(sums[1], 1e-6)
    behind = depth - cv2.resize(mean, (depth.shape[1], depth.shape[0]), interpolation=cv2.INTER_LINEAR)
    shade = 1.0 - 0.4 * np.clip(behind / (3.0 * radius_m), 0.0, 1.0)
    return np.where(covered > 0, shade, 1.0).astype(np.float32)


def composite(background: Floats, layer: Layer, opacity: float = 1.0) -> NDArray[np.float32]:
    """The layer over a background (H, W, 3) 0..1."""
    a = (layer.alpha * opacity)[..., None]
    return (layer.rgb * a + np.asarray(background, np.float32) * (1 - a)).astype(np.float32)


def to_bytes(picture: Floats) -> NDArray[np.uint8]:
    """0..1 to uint8."""
    return (np.clip(picture, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)


def _reduced(rgb: NDArray[np.float32], depth: NDArray[np.float32], s: int) -> Layer:
    """Average s x s samples; uncovered samples are black and do not count for the colour."""
    size = (depth.shape[1] // s, depth.shape[0] // s)
    alpha = cv2.resize((depth > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    colour = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) / np.maximum(alpha, 1e-6)[..., None]
    nearest = np.maximum.reduce([depth[i::s, j::s] for i in range(s) for j in range(s)])
    return Layer(np.asarray(colour, np.float32), np.asarray(alpha, np.float32), nearest)


def interpolated(
    vertices: Floats, faces: Ints, attributes: Floats, K: Floats, depth: Floats, face_id: Ints
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points (n, 3) in the camera frame and attributes (n, c) at the n covered pixels, in row order.

    `depth` and `face_id` come from `rasterise` of the same mesh; `attributes` (V, c) belong to its vertices.
    """
    count = int((face_id >= 0).sum())
    points = np.zeros((count, 3), np.float32)
    values = np.zeros((count, attributes.shape[1]), np.float32)
    _interpolate(vertices, faces, attributes.astype(np.float64), K, depth, face_id, points, values)
    return points, values


def lit(points: Floats, normals: Floats, colours: Floats, light: Light) -> NDArray[np.float32]:
    """Colours (n, 3) of surface points: soft key light, sky and ground light, weak highlight, darker rim."""
    view = -points / np.linalg.norm(points, axis=1, keepdims=True)
    normal = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    facing = (normal * view).sum(1)
    # seen from inside, or bent away by interpolation
    normal = normal - 2 * np.minimum(facing, 0)[:, None] * view
    direction, up = unit(light.direction).astype(np.float32), unit(light.up).astype(np.float32)
    lambert, sky = 0.5 + 0.5 * normal @ direction, 0.5 + 0.5 * normal @ up
    level = light.key * lambert**2 + light.sky * sky + light.ground * (1 - sky)
    level *= 0.8 + 0.2 * np.minimum(np.abs(facing) * 2, 1)
    half = view + direction
    half /= np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-9)
    gloss = light.shine * np.maximum((normal * half).sum(1), 0) ** 24
    return np.asarray(np.clip(colours * level[:, None] + gloss[:, None], 0, 1), np.float32)


@kernel
def _interpolate(vertices, faces, attributes, K, depth, face_id, points, values):  # type: ignore[no-untyped-def]
    """Barycentric coordinates by least squares in the plane of each pixel's face."""
    row, channels = 0, attributes.shape[1]
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            if face_id[y, x] < 0:
                continue
            i, j, k = faces[face_id[y, x], 0], faces[face_id[y, x], 1], faces[face_id[y, x], 2]
            pz = float(depth[y, x])
            py = (y - K[1, 2]) / K[1, 1] * pz
            px = ((x - K[0, 2]) * pz - K[0, 1] * py) / K[0, 0]
            points[row, 0], points[row, 1], points[row, 2] = px, py, pz
            ee = eg = gg = de = dg = 0.0
            for n in range(3):
                e, g = vertices[j, n] - vertices[i, n], vertices[k, n] - vertices[i, n]
                d = points[row, n] - vertices[i, n]
                ee, eg, gg, de, dg = ee + e * e, eg + e * g, gg + g * g, de + d * e, dg + d * g
            area = ee * gg - eg * eg
            b = c = 1.0 / 3.0
            if area > 0.0:
                b = min(max((gg * de - eg * dg) / area, 0.0), 1.0)
                c = min(max((ee * dg - eg * de) / area, 0.0), 1.0 - b)
            for n in range(channels):
                first = attributes[i, n]
                values[row, n] = first + b * (attributes[j, n] - first) + c * (attributes[k, n] - first)
            row += 1
