"""Compiled image terms with their gradients; units of `target.Packed`.  The torch twin is `terms.py`."""

import math

from scorehoi_ros.alignment.weights import NEAR_M, SMOOTH
from scorehoi_ros.jit import inner


@inner
def robust(square, most):  # type: ignore[no-untyped-def]
    """`terms.robust` and its slope by the square."""
    bend = most * most
    ratio = 1.0 / math.sqrt((square + SMOOTH) * (1.0 + square / bend))
    slope = ratio * (1.0 - 0.5 * square / (square + SMOOTH) - 0.5 * square / (square + bend))
    return square * ratio, slope


@inner
def project(P, points, n, pixels, d_pixels):  # type: ignore[no-untyped-def]
    """The first n points to crop coordinates, the first rows of `pixels`; their gradients become 0."""
    for i in range(n):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        depth = max(P[2, 0] * x + P[2, 1] * y + P[2, 2] * z, NEAR_M)
        pixels[i, 0] = (P[0, 0] * x + P[0, 1] * y + P[0, 2] * z) / depth
        pixels[i, 1] = (P[1, 0] * x + P[1, 1] * y + P[1, 2] * z) / depth
        d_pixels[i, 0], d_pixels[i, 1] = 0.0, 0.0


@inner
def unproject(P, points, n, pixels, d_pixels, d_points):  # type: ignore[no-untyped-def]
    """Add the gradients by the first n points, from those by their pixels."""
    for i in range(n):
        depth = P[2, 0] * points[i, 0] + P[2, 1] * points[i, 1] + P[2, 2] * points[i, 2]
        back = 0.0
        if depth > NEAR_M:
            back = -(d_pixels[i, 0] * pixels[i, 0] + d_pixels[i, 1] * pixels[i, 1])
        depth = max(depth, NEAR_M)
        for a in range(3):
            pull = d_pixels[i, 0] * P[0, a] + d_pixels[i, 1] * P[1, a] + back * P[2, a]
            d_points[i, a] += pull / depth


@inner
def landmarks(pixels, seen, confidence, w, d_pixels):  # type: ignore[no-untyped-def]
    """Confidence-weighted logarithm of the squared distances (75,)."""
    total, scale = 0.0, w.landmark_scale * w.landmark_scale * w.landmark_tail
    for i in range(len(seen)):
        dx, dy = pixels[i, 0] - seen[i, 0], pixels[i, 1] - seen[i, 1]
        square = (dx * dx + dy * dy) / scale
        share = w.landmarks * w.landmark_tail * confidence[i]
        total += share * math.log1p(square)
        slope = 2.0 * share / (scale * (1.0 + square))
        d_pixels[i, 0] += slope * dx
        d_pixels[i, 1] += slope * dy
    return total


@inner
def field_at(field, x, y):  # type: ignore[no-untyped-def]
    """Distance at crop coordinates, bilinear, and its gradient; outside, the way to the crop is added."""
    size = len(field)
    half = 0.5 * size
    edge = 1.0 - 1.0 / size
    cx, cy = min(max(x, -edge), edge), min(max(y, -edge), edge)
    px, py = (cx + 1.0) * half - 0.5, (cy + 1.0) * half - 0.5
    i, j = min(int(py), size - 2), min(int(px), size - 2)
    v, u = py - i, px - j
    a, b, c, d = field[i, j], field[i, j + 1], field[i + 1, j], field[i + 1, j + 1]
    value = (a * (1.0 - u) + b * u) * (1.0 - v) + (c * (1.0 - u) + d * u) * v
    gx = ((b - a) * (1.0 - v) + (d - c) * v) * half if cx == x else 0.0
    gy = ((c - a) * (1.0 - u) + (d - b) * u) * half if cy == y else 0.0
    beyond = math.sqrt((x - cx) * (x - cx) + (y - cy) * (y - cy))
    if beyond > 0.0:
        gx, gy = gx + (x - cx) / beyond, gy + (y - cy) / beyond
    return value + beyond, gx, gy


@inner
def outside(pixels, n, field, weight, scale, most, d_pixels):  # type: ignore[no-untyped-def]
    """Mean distance of the first n pixels to where they may be."""
    if len(field) == 0:
        return 0.0
    total, share = 0.0, weight / n
    for i in range(n):
        distance, gx, gy = field_at(field, pixels[i, 0], pixels[i, 1])
        if distance > 0.0:
            cost, slope = robust(distance * distance / (scale * scale), most)
            total += cost
            slope *= 2.0 * share * distance / (scale * scale)
            d_pixels[i, 0] += slope * gx
            d_pixels[i, 1] += slope * gy
    return total * share


@inner
def in_columns(points, n, columns):  # type: ignore[no-untyped-def]
    """The first n points (n, d) as the first d of `columns`: what runs over one axis vectorises."""
    for a in range(points.shape[1]):
        for i in range(n):
            columns[a, i] = points[i, a]


@inner
def lowest(values, n):  # type: ignore[no-untyped-def]
    """Which of the first n values is least; the first one of equals."""
    best, least = 0, values[0]
    for i in range(1, n):
        if values[i] < least:
            best, least = i, values[i]
    return best


@inner
def uncovered(pixels, wanted, spacing, near, weight, scale, most, d_pixels, columns):  # type: ignore[no-untyped-def]
    """Mean distance of mask points (m, 2) to the nearest of n pixels, beyond `near` of its spacing (n,).

    `columns` (4, n) is room.
    """
    if len(wanted) == 0:
        return 0.0
    n = len(spacing)
    in_columns(pixels, n, columns)
    X, Y, squares = columns[0], columns[1], columns[3]
    total, share = 0.0, weight / len(wanted)
    for k in range(len(wanted)):
        x, y = wanted[k, 0], wanted[k, 1]
        for j in range(n):
            dx, dy = X[j] - x, Y[j] - y
            squares[j] = dx * dx + dy * dy
        i = lowest(squares, n)
        distance = math.sqrt(squares[i])
        excess = distance - near * spacing[i]
        if excess > 0.0:
            cost, slope = robust(excess * excess / (scale * scale), most)
            total += cost
            slope *= 2.0 * share * excess / (scale * scale * distance)
            d_pixels[i, 0] += slope * (pixels[i, 0] - x)
            d_pixels[i, 1] += slope * (pixels[i, 1] - y)
    return total * share
