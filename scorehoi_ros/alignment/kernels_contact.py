"""Compiled physical terms with their gradients, metres.  The torch twin is `terms.py`.

Gradients by the object are a force on its origin and a torque about it: `pull` (6,).
"""

import math

from scorehoi_ros.alignment.kernels_image import robust
from scorehoi_ros.render.jit import kernel


@kernel
def push(pull, x, y, z, fx, fy, fz):  # type: ignore[no-untyped-def]
    """Add to `pull` the gradient f by a point of the object, (x, y, z) from the origin in view axes."""
    pull[0] += fx
    pull[1] += fy
    pull[2] += fz
    pull[3] += y * fz - z * fy
    pull[4] += z * fx - x * fz
    pull[5] += x * fy - y * fx


@kernel
def push_all(points, origin, forces, pull):  # type: ignore[no-untyped-def]
    """`push` for points (n, 3) in the view frame with gradients `forces` (n, 3)."""
    for i in range(len(points)):
        x, y, z = points[i, 0] - origin[0], points[i, 1] - origin[1], points[i, 2] - origin[2]
        push(pull, x, y, z, forces[i, 0], forces[i, 1], forces[i, 2])


@kernel
def place(points, R, origin, out):  # type: ignore[no-untyped-def]
    """Object points (n, 3) into the view frame."""
    for i in range(len(points)):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        for a in range(3):
            out[i, a] = R[a, 0] * x + R[a, 1] * y + R[a, 2] * z + origin[a]


@kernel
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


@kernel
def touch(tokens, frame, R, origin, w, terms, d_tokens, pull):  # type: ignore[no-untyped-def]
    """Contact and penetration of tokens (431, 3), into terms[0] and terms[1]."""
    mass, touching, sunk = max(frame.M_h.sum(), w.contact_mass), 0.0, 0.0
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
    terms[0], terms[1] = touching, sunk


@kernel
def touched(points, tokens, frame, origin, w, d_tokens, d_points, squares):  # type: ignore[no-untyped-def]
    """Contact of template points (64, 3) with the nearest of tokens (431, 3); `squares` (431,) is room."""
    total, scale = 0.0, w.contact_scale * w.contact_scale
    mass = max(frame.M_o.sum(), w.contact_mass)
    for k in range(len(points)):
        if frame.M_o[k] <= 0.0:
            continue
        for i in range(len(squares)):
            x, y, z = tokens[i, 0] - points[k, 0], tokens[i, 1] - points[k, 1], tokens[i, 2] - points[k, 2]
            squares[i] = x * x + y * y + z * z
        best = squares.argmin()
        share = w.object_contact * frame.M_o[k] / mass
        cost, slope = robust(squares[best] / scale, w.contact_most)
        total += share * cost
        for a in range(3):
            force = 2.0 * share * slope / scale * (points[k, a] - tokens[best, a])
            d_points[k, a] += force
            d_tokens[best, a] -= force
    return total


@kernel
def ground(points, frame, w, terms, d_points):  # type: ignore[no-untyped-def]
    """Contact of template points (64, 3) with the floor and what is under it, into terms[0], terms[1]."""
    n, total, under = frame.plane, 0.0, 0.0
    mass = max(frame.M_f.sum(), w.contact_mass)
    for k in range(len(points)):
        height = points[k, 0] * n[0] + points[k, 1] * n[1] + points[k, 2] * n[2] - n[3]
        height /= w.floor_scale
        cost, slope = robust(height * height, w.floor_most)
        share = w.floor * frame.M_f[k] / mass
        total += share * cost
        if height < 0.0:
            under += w.sunk / len(points) * cost
            share += w.sunk / len(points)
        for a in range(3):
            d_points[k, a] += 2.0 * share * slope * height / w.floor_scale * n[a]
    terms[0], terms[1] = total, under
