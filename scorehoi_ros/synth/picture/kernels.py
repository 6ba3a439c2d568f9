"""The two loops over pixels that cost most: light on surfaces, and the walls that rays meet."""

import numpy as np

from scorehoi_ros.jit import kernel


@kernel
def light_pixels(  # type: ignore[no-untyped-def]
    points,
    normals,
    colours,
    gloss,
    fold,
    rest,
    tile,
    shift,
    lamp,
    shadow,
    axes,
    origin,
    scale,
    key,
    bias,
    out,
):
    """Write the colours (n, 3) of lit surface points into `out`; single precision throughout.

    `lamp` (5, 3): direction, up, colours of key, sky and ground; `fold` (n,) strength of the folds, which
    come from the noise `tile` (s, s) at `rest` (n, 3) + `shift` (2,); `axes`, `origin`, `scale`, `key`,
    `bias` describe the shadow map, `shadow` its strength.
    """
    size, rows, columns = np.float32(tile.shape[0] / 1.1), key.shape[0], key.shape[1]
    mask = tile.shape[0] - 1
    one, half = np.float32(1.0), np.float32(0.5)
    for i in range(points.shape[0]):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        if fold[i] > 0:
            u = (rest[i, 0] * np.float32(0.7) + rest[i, 2] * np.float32(0.6) + shift[0]) * size
            v = (rest[i, 1] * np.float32(0.9) + rest[i, 2] * np.float32(0.3) + shift[1]) * size
            a, b = int(u) & mask, int(v) & mask
            nx += fold[i] * tile[b, a]
            ny += fold[i] * tile[(b + 61) & mask, (a + 37) & mask]
            nz += fold[i] * tile[(b + 122) & mask, (a + 74) & mask]
        length = one / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-12))
        nx, ny, nz = nx * length, ny * length, nz * length
        away = one / np.sqrt(x * x + y * y + z * z)
        vx, vy, vz = -x * away, -y * away, -z * away
        s = (axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z - origin[0]) * scale + half
        t = (axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z - origin[1]) * scale + half
        height = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z - origin[2] + bias
        dark = 0
        column, row = int(s), int(t)
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                if (
                    0 <= row + dy < rows
                    and 0 <= column + dx < columns
                    and key[row + dy, column + dx] > height
                ):
                    dark += 1
        lit = one - np.float32(dark) / np.float32(9.0)
        facing = nx * lamp[0, 0] + ny * lamp[0, 1] + nz * lamp[0, 2]
        # the lamp is not a point: its light wraps around a little
        lambert = min(max((facing + np.float32(0.15)) / np.float32(1.15), np.float32(0)), one)
        lambert *= one - shadow * (one - lit)
        above = half + half * (nx * lamp[1, 0] + ny * lamp[1, 1] + nz * lamp[1, 2])
        hx, hy, hz = vx + lamp[0, 0], vy + lamp[0, 1], vz + lamp[0, 2]
        shine = (nx * hx + ny * hy + nz * hz) / np.sqrt(hx * hx + hy * hy + hz * hz + np.float32(1e-12))
        shine = max(shine, np.float32(0)) ** 32 * gloss[i] * lit
        rim = np.float32(0.82) + np.float32(0.18) * min(2 * abs(nx * vx + ny * vy + nz * vz), one)
        for c in range(3):
            level = lambert * lamp[2, c] + above * lamp[3, c] + (one - above) * lamp[4, c]
            out[i, c] = colours[i, c] * level * rim + shine


PAINT, ROUGH, GRASS, PLANKS, TILES, BRICKS, PAPER = range(7)
"""Patterns of floors and walls."""


@kernel
def _noise(tiles, which, u, v, size):  # type: ignore[no-untyped-def]
    n = tiles.shape[1]
    return tiles[which, int(v * n / size) & (n - 1), int(u * n / size) & (n - 1)]


@kernel
def _pattern(kind, x, y, scale, tiles):  # type: ignore[no-untyped-def]
    """Share of the second colour, and change of brightness, at a place on a surface."""
    if kind == PAINT:
        return 0.0, 0.02 * _noise(tiles, 0, x, y, 3.0)
    if kind == ROUGH:
        return 0.0, 0.09 * _noise(tiles, 1, x, y, 2.5 * scale)
    if kind == GRASS:
        return 0.0, 0.22 * _noise(tiles, 3, x, y, 1.1)
    a, b = x / scale - np.floor(x / scale), y / scale - np.floor(y / scale)
    if kind == TILES:
        return (1.0 if a < 0.03 or b < 0.03 else 0.0), 0.04 * _noise(tiles, 1, x, y, 1.7)
    if kind == PAPER:
        return (1.0 if a < 0.5 else 0.0), 0.02 * _noise(tiles, 1, x, y, 2.0)
    if kind == PLANKS:
        row = np.floor(y / scale)
        piece = np.floor(x / (8 * scale) + 0.37 * row)
        wave = np.sin(row * 12.98 + piece * 78.2) * 437.5
        tone = 0.10 * (wave - np.floor(wave) - 0.5) + 0.06 * _noise(
            tiles, 2, 0.15 * x + row, y + 3 * piece, 1.2
        )
        return (1.0 if b < 0.04 else 0.0), tone
    course = y * 3 / scale
    a += 0.5 * np.floor(course)
    joint = a - np.floor(a) < 0.06 or course - np.floor(course) < 0.14
    return (1.0 if joint else 0.0), 0.10 * _noise(tiles, 2, x, y, 1.3)


@kernel
def _sky(ax, ay, az, band, trees, tiles, out):  # type: ignore[no-untyped-def]
    """Sky above a band of hills, trees or houses in the direction of a ray."""
    heading, rise = np.arctan2(ax, az), ay / np.sqrt(ax * ax + az * az + 1e-9)
    top = 0.10 + 0.06 * _noise(tiles, band, heading + 9, 0.0, 6.0)
    leaves, cloud = (
        0.6 + 0.15 * _noise(tiles, 3, heading, rise, 1.0),
        0.05 * _noise(tiles, 0, heading, 3 * rise, 3.0),
    )
    pale = 0.25 * (1 - min(max(3 * rise, 0.0), 1.0)) + cloud
    for c in range(3):
        out[c] = trees[c] * leaves if rise < top else (0.62, 0.74, 0.90)[c] + pale


@kernel
def _wall(side, px, py, pz, reach, kinds, finishes, panels, low, high, glow, outside, tiles, out):  # type: ignore[no-untyped-def]
    """Colour of a place on a side of the room into `out` (3,); `reach` metres that a pixel covers there."""
    u = pz if side == 2 or side == 3 else px
    v = pz if side < 2 else py
    scale = finishes[side, 6]
    mix, tone = _pattern(kinds[side], u + finishes[side, 7], v, scale, tiles)
    # a pattern finer than a pixel averages out
    seen = min(max(1.3 - 3.0 * reach / scale, 0.0), 1.0)
    mix, tone = mix * seen, tone * (0.3 + 0.7 * seen)
    for c in range(3):
        out[c] = (finishes[side, c] * (1 - mix) + finishes[side, 3 + c] * mix) * (1 + tone)
    if side >= 2:
        for k in range(panels.shape[0]):
            if panels[k, 0] != side:
                continue
            border = min(min(u - panels[k, 1], panels[k, 3] - u), min(v - panels[k, 2], panels[k, 4] - v))
            if border > 0:
                busy = 1 + 0.35 * panels[k, 11] * _noise(tiles, 0, u, v, 2.0)
                for c in range(3):
                    out[c] = panels[k, 5 + c] if border < 0.05 else panels[k, 8 + c] * busy
        if v < 0.08:
            for c in range(3):
                out[c] *= 0.8
    if not outside:
        axis = 2 if side == 2 or side == 3 else 0
        edge = max(min(u - low[axis], high[axis] - u), 0.0)
        away = (px - glow[0]) ** 2 + (py - glow[1]) ** 2 + (pz - glow[2]) ** 2
        near = 1 / (1 + 4 * edge)
        level = (0.76 + 0.42 / (1 + away / 6)) * (1 - 0.2 * near * near)
        for c in range(3):
            out[c] *= level


@kernel
def paint_walls(  # type: ignore[no-untyped-def]
    K, axes, height, low, high, outside, kinds, finishes, panels, glow, tiles, hidden, picture, floor
):
    """Paint the inside of a box seen by a camera `height` above its floor, or open ground with `outside`.

    `axes` (3, 3) rows right, up, forward of the box in the camera frame, `low` and `high` (3,) its bounds
    from the point on the floor below the camera.  Sides are 0 floor, 1 ceiling, 2 left, 3 right, 4 back,
    5 front.  `kinds` (6,) patterns, `finishes` (6, 8) two colours, scale, start; `panels` (p, 12) wall, box
    (4), colours of frame and inside, busyness.  Leaves out what is `hidden` (H, W).  Writes `picture`
    (H, W, 3) and the depth of the floor, `floor` (H, W), where it is seen.
    """
    colour, rays = np.empty(3), np.empty(picture.shape[1])
    for x in range(picture.shape[1]):
        rays[x] = (x - K[0, 2]) / K[0, 0]
    # what lies in arrays is read again after every write to another one, variables are not
    focal, ax, ay, az = K[0, 0], axes[0, 0], axes[1, 0], axes[2, 0]
    left, right, bottom, top = low[0], high[0], low[1] - height, high[1] - height
    back, front = low[2], high[2]
    for y in range(picture.shape[0]):
        ry = (y - K[1, 2]) / K[1, 1]
        bx, by, bz = axes[0, 1] * ry, axes[1, 1] * ry, axes[2, 1] * ry
        cx, cy, cz = axes[0, 2], axes[1, 2], axes[2, 2]
        for x in range(picture.shape[1]):
            if hidden[y, x]:
                continue
            rx = rays[x]
            dx, dy, dz = ax * rx + bx + cx, ay * rx + by + cy, az * rx + bz + cz
            best, side = 60.0, 4
            if dx != 0 and not outside:
                t = (right if dx > 0 else left) / dx
                if t < best:
                    best, side = t, 2 if dx < 0 else 3
            if dy != 0 and not (outside and dy > 0):
                t = (top if dy > 0 else bottom) / dy
                if t < best:
                    best, side = t, 0 if dy < 0 else 1
            if dz != 0 and not outside:
                t = (front if dz > 0 else back) / dz
                if t < best:
                    best, side = t, 5 if dz < 0 else 4
            if outside and side != 0:
                _sky(dx, dy, dz, 2, finishes[4], tiles, colour)
            else:
                _wall(
                    side, dx * best, height + dy * best, dz * best, best / focal,
                    kinds, finishes, panels, low, high, glow, outside, tiles, colour,
                )  # fmt: skip
            for c in range(3):
                picture[y, x, c] = colour[c]
            if side == 0:
                floor[y, x] = best


@kernel
def _bilinear(picture, x, y):  # type: ignore[no-untyped-def]
    """Value at a place between samples, 0 outside."""
    column, row = int(np.floor(x)), int(np.floor(y))
    if not (0 <= column < picture.shape[1] - 1 and 0 <= row < picture.shape[0] - 1):
        return np.float32(0)
    a, b = x - column, y - row
    top = (1 - a) * picture[row, column] + a * picture[row, column + 1]
    return (1 - b) * top + b * (a * picture[row + 1, column + 1] + (1 - a) * picture[row + 1, column])


@kernel
def shade_floor(picture, floor, K, cover, cover_axes, cover_scale, dark, dark_axes, dark_scale, strengths):  # type: ignore[no-untyped-def]
    """Darken `picture` (H, W, 3) where the floor is seen, at the depths `floor` (H, W), 0 elsewhere.

    `cover` is the soft shadow as the lamp sees it, `dark` the places with little room for light, each on a
    plane with axes (2, 4), the last column an offset, and samples for each metre; `strengths` (2,) of both.
    """
    # read once: the compiler cannot know that writing the picture leaves these as they are
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            z = floor[y, x]
            if z <= 0:
                continue
            px, py = (x - cx) / fx * z, (y - cy) / fy * z
            total = 0.0
            for k in range(2):
                axes, scale = (cover_axes, cover_scale) if k == 0 else (dark_axes, dark_scale)
                u = (axes[0, 0] * px + axes[0, 1] * py + axes[0, 2] * z - axes[0, 3]) * scale
                v = (axes[1, 0] * px + axes[1, 1] * py + axes[1, 2] * z - axes[1, 3]) * scale
                total += strengths[k] * _bilinear(cover if k == 0 else dark, u, v)
            level = 1 - min(total, 0.85)
            for c in range(3):
                picture[y, x, c] *= level
