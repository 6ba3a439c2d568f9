"""Compiled physical terms with their gradients, metres.  The torch twin is `terms.py`.

Gradients by the object are a force on its origin and a torque about it: `pull` (6,).
"""

import math

from scorehoi_ros.alignment.kernels_image import in_columns, lowest, robust
from scorehoi_ros.jit import inner


@inner
def push(pull, x, y, z, fx, fy, fz):  # type: ignore[no-untyped-def]
    """Add to `pull` the gradient f by a point of the object, (x, y, z) from the origin in view axes."""
    pull[0] += fx
    pull[1] += fy
    pull[2] += fz
    pull[3] += y * fz - z * fy
    pull[4] += z * fx - x * fz
    pull[5] += x * fy - y * fx


@inner
def push_all(points, origin, forces, pull):  # type: ignore[no-untyped-def]
    """`push` for points (n, 3) in the view frame with gradients `forces` (n, 3)."""
    for i in range(len(points)):
        x, y, z = points[i, 0] - origin[0], points[i, 1] - origin[1], points[i, 2] - origin[2]
        push(pull, x, y, z, forces[i, 0], forces[i, 1], forces[i, 2])


@inner
def place(points, R, origin, out, d_out):  # type: ignore[no-untyped-def]
    """Object points (n, 3) into the view frame; their gradients become 0."""
    for i in range(len(points)):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        for a in range(3):
            out[i, a] = R[a, 0] * x + R[a, 1] * y + R[a, 2] * z + origin[a]
            d_out[i, a] = 0.0


@inner
def sdf_at(values, origin, spacing, x, y, z):  # type: ignore[no-untyped-def]
    """Signed distance and gradient at a point of the object frame, as `geometry.sdf.sample`."""
    px, py, pz = (x - origin[0]) / spacing, (y - origin[1]) / spacing, (z - origin[2]) / spacing
    nx, ny, nz = values.shape
    cx, cy, cz = min(max(px, 0.0), nx - 1.0), min(max(py, 0.0), ny - 1.0), min(max(pz, 0.0), nz - 1.0)
    i, j, k = min(int(cx), nx - 2), min(int(cy), ny - 2), min(int(cz), nz - 2)
    u, v, w = cx - i, cy - j, cz - k
    a, b = values[i, j, k] * (1.0 - w), values[i, j + 1, k] * (1.0 - w)
    c, d = values[i + 1, j, k] * (1.0 - w), values[i + 1, j + 1, k] * (1.0 - w)
    a, b = a + values[i, j, k + 1] * w, b + values[i, j + 1, k + 1] * w
    c, d = c + values[i + 1, j, k + 1] * w, d + values[i + 1, j + 1, k + 1] * w
    value = (a * (1.0 - v) + b * v) * (1.0 - u) + (c * (1.0 - v) + d * v) * u
    gx = (c - a) * (1.0 - v) + (d - b) * v
    gy = (b - a) * (1.0 - u) + (d - c) * u
    rise = (values[i, j, k + 1] - values[i, j, k]) * (1.0 - v)
    rise += (values[i, j + 1, k + 1] - values[i, j + 1, k]) * v
    far = (values[i + 1, j, k + 1] - values[i + 1, j, k]) * (1.0 - v)
    far += (values[i + 1, j + 1, k + 1] - values[i + 1, j + 1, k]) * v
    gz = rise * (1.0 - u) + far * u
    bx, by, bz = px - cx, py - cy, pz - cz
    beyond = math.sqrt(bx * bx + by * by + bz * bz)
    if beyond > 0.0:
        gx = bx / beyond + (gx / spacing if bx == 0.0 else 0.0)
        gy = by / beyond + (gy / spacing if by == 0.0 else 0.0)
        gz = bz / beyond + (gz / spacing if bz == 0.0 else 0.0)
        return value + spacing * beyond, gx, gy, gz
    return value, gx / spacing, gy / spacing, gz / spacing


@inner
def _mass(probability, w):  # type: ignore[no-untyped-def]
    """Sum of contacts that share a weight."""
    total = 0.0
    for i in range(len(probability)):
        total += probability[i]
    return max(total, w.contact_mass)


@inner
def touch(tokens, frame, R, origin, w, d_tokens, pull):  # type: ignore[no-untyped-def]
    """Contact and penetration of tokens (431, 3)."""
    mass, touching, sunk = _mass(frame.M_h, w), 0.0, 0.0
    for i in range(len(frame.M_h)):
        x, y, z = tokens[i, 0] - origin[0], tokens[i, 1] - origin[1], tokens[i, 2] - origin[2]
        lx = x * R[0, 0] + y * R[1, 0] + z * R[2, 0]
        ly = x * R[0, 1] + y * R[1, 1] + z * R[2, 1]
        lz = x * R[0, 2] + y * R[1, 2] + z * R[2, 2]
        distance, gx, gy, gz = sdf_at(frame.sdf, frame.sdf_origin, frame.sdf_spacing, lx, ly, lz)
        depth, rate = -distance - w.allowance, 0.0
        if frame.M_h[i] > 0.0:
            share, scale = w.human_contact * frame.M_h[i] / mass, w.contact_scale * w.contact_scale
            cost, slope = robust(distance * distance / scale, w.contact_most)
            touching += share * cost
            rate += 2.0 * share * slope * distance / scale
        if depth > 0.0:
            scale = w.penetration_scale * w.penetration_scale
            cost, slope = robust(depth * depth / scale, w.penetration_most)
            sunk += w.penetration * cost
            rate -= 2.0 * w.penetration * slope * depth / scale
        if rate != 0.0:
            fx = rate * (R[0, 0] * gx + R[0, 1] * gy + R[0, 2] * gz)
            fy = rate * (R[1, 0] * gx + R[1, 1] * gy + R[1, 2] * gz)
            fz = rate * (R[2, 0] * gx + R[2, 1] * gy + R[2, 2] * gz)
            d_tokens[i, 0] += fx
            d_tokens[i, 1] += fy
            d_tokens[i, 2] += fz
            push(pull, x, y, z, -fx, -fy, -fz)
    return touching, sunk


@inner
def touched(points, tokens, frame, w, d_tokens, d_points, columns):  # type: ignore[no-untyped-def]
    """Contact of template points (64, 3) with the nearest of tokens (431, 3); `columns` (4, n) is room."""
    total, scale = 0.0, w.contact_scale * w.contact_scale
    mass, n = _mass(frame.M_o, w), len(frame.M_h)
    in_columns(tokens, n, columns)
    X, Y, Z, squares = columns[0], columns[1], columns[2], columns[3]
    for k in range(len(points)):
        if frame.M_o[k] <= 0.0:
            continue
        px, py, pz = points[k, 0], points[k, 1], points[k, 2]
        for i in range(n):
            x, y, z = X[i] - px, Y[i] - py, Z[i] - pz
            squares[i] = x * x + y * y + z * z
        best = lowest(squares, n)
        share = w.object_contact * frame.M_o[k] / mass
        cost, slope = robust(squares[best] / scale, w.contact_most)
        total += share * cost
        for a in range(3):
            force = 2.0 * share * slope / scale * (points[k, a] - tokens[best, a])
            d_points[k, a] += force
            d_tokens[best, a] -= force
    return total


@inner
def ground(points, n, M_f, w, d_points):  # type: ignore[no-untyped-def]
    """Contact of template points (64, 3) with the floor n (4,), all 0 = none, and what is under it."""
    total, under, mass = 0.0, 0.0, _mass(M_f, w)
    if n[0] == 0.0 and n[1] == 0.0 and n[2] == 0.0:
        return total, under
    for k in range(len(points)):
        height = points[k, 0] * n[0] + points[k, 1] * n[1] + points[k, 2] * n[2] - n[3]
        height /= w.floor_scale
        cost, slope = robust(height * height, w.floor_most)
        share = w.floor * M_f[k] / mass
        total += share * cost
        if height < 0.0:
            under += w.sunk / len(points) * cost
            share += w.sunk / len(points)
        for a in range(3):
            d_points[k, a] += 2.0 * share * slope * height / w.floor_scale * n[a]
    return total, under
