"""Compiled skinning of a `Rig`, forwards, and gradients backwards to pose, shape and root."""

from typing import NamedTuple

import numpy as np

from scorehoi_ros.alignment.kernels_rotation import six_gradient, six_to_matrix
from scorehoi_ros.alignment.state import BETA_0
from scorehoi_ros.alignment.target import Float64
from scorehoi_ros.jit import inner


class Posed(NamedTuple):
    """Everything between pose and points; the gradients by it have the same shapes."""

    R: Float64
    """(52, 3, 3) of each joint in its parent."""
    rest: Float64
    """(52, 3) joints of the T-pose."""
    offset: Float64
    """(52, 3) of each joint in its parent, the pelvis where it stands."""
    world: Float64
    """(52, 3, 4)"""
    skin: Float64
    """(52, 3, 4) T-pose -> view."""
    shaped: Float64
    """(n, 3) points of the T-pose with shape and correctives."""
    points: Float64
    """(n, 3) view frame."""
    marks: Float64
    """(75, 3) landmarks, view frame."""


def new_posed(points: int, marks: int) -> Posed:
    """Room for a body of so many points and landmarks."""
    shapes = ((52, 3, 3), (52, 3), (52, 3), (52, 3, 4), (52, 3, 4), (points, 3), (points, 3), (marks, 3))
    return Posed(*(np.zeros(shape) for shape in shapes))


@inner
def pose_body(rig, x, root, p):  # type: ignore[no-untyped-def]
    """Fill `p` for the theta and betas of x (331,), and root (3,)."""
    for j in range(52):
        six_to_matrix(x, 6 * j, p.R[j])
        for a in range(3):
            total = rig.joints_template[j, a]
            for m in range(10):
                total += rig.joints_shapedirs[j, a, m] * x[BETA_0 + m]
            p.rest[j, a] = total
    _chain(rig.parents, root, p)
    _shape(rig, x, p)
    _skin(rig, p)
    _mark(rig, p)


@inner
def _chain(parents, root, p):  # type: ignore[no-untyped-def]
    for j in range(52):
        up = parents[j]
        for a in range(3):
            p.offset[j, a] = root[a] if up < 0 else p.rest[j, a] - p.rest[up, a]
        R, t, W = p.R[j], p.offset[j], p.world[j]
        for a in range(3):
            if up < 0:
                W[a, 0], W[a, 1], W[a, 2], W[a, 3] = R[a, 0], R[a, 1], R[a, 2], t[a]
            else:
                x, y, z = p.world[up, a, 0], p.world[up, a, 1], p.world[up, a, 2]
                for b in range(3):
                    W[a, b] = x * R[0, b] + y * R[1, b] + z * R[2, b]
                W[a, 3] = x * t[0] + y * t[1] + z * t[2] + p.world[up, a, 3]
            moved = W[a, 0] * p.rest[j, 0] + W[a, 1] * p.rest[j, 1] + W[a, 2] * p.rest[j, 2]
            p.skin[j, a, 0], p.skin[j, a, 1], p.skin[j, a, 2] = W[a, 0], W[a, 1], W[a, 2]
            p.skin[j, a, 3] = W[a, 3] - moved


@inner
def _shape(rig, x, p):  # type: ignore[no-untyped-def]
    p.shaped[:] = rig.template
    shaped = p.shaped.reshape(-1)
    for m in range(10):
        beta, moved = x[BETA_0 + m], rig.shapedirs[m].reshape(-1)
        for i in range(len(moved)):
            shaped[i] += beta * moved[i]
    for i in range(len(rig.template)):
        for k in range(rig.block_start[i], rig.block_start[i + 1]):
            R, B = p.R[rig.block_joint[k]], rig.blocks[k]
            for a in range(3):
                total = -B[a, 0] - B[a, 4] - B[a, 8]
                for b in range(3):
                    for c in range(3):
                        total += B[a, 3 * b + c] * R[b, c]
                p.shaped[i, a] += total


@inner
def _skin(rig, p):  # type: ignore[no-untyped-def]
    for i in range(len(rig.template)):
        x, y, z = p.shaped[i, 0], p.shaped[i, 1], p.shaped[i, 2]
        v0, v1, v2 = 0.0, 0.0, 0.0
        for k in range(rig.skin_start[i], rig.skin_start[i + 1]):
            w, A = rig.skin_weight[k], p.skin[rig.skin_joint[k]]
            v0 += w * (A[0, 0] * x + A[0, 1] * y + A[0, 2] * z + A[0, 3])
            v1 += w * (A[1, 0] * x + A[1, 1] * y + A[1, 2] * z + A[1, 3])
            v2 += w * (A[2, 0] * x + A[2, 1] * y + A[2, 2] * z + A[2, 3])
        p.points[i, 0], p.points[i, 1], p.points[i, 2] = v0, v1, v2


@inner
def _mark(rig, p):  # type: ignore[no-untyped-def]
    for i in range(len(p.marks)):
        for a in range(3):
            total = 0.0
            for k in range(rig.landmark_start[i], rig.landmark_start[i + 1]):
                source, w = rig.landmark_source[k], rig.landmark_weight[k]
                total += w * (p.world[source, a, 3] if source < 52 else p.points[source - 52, a])
            p.marks[i, a] = total


@inner
def clear_posed(g):  # type: ignore[no-untyped-def]
    """Gradients to zero, before terms add theirs to `points` and `marks`."""
    for j in range(52):
        for a in range(3):
            g.rest[j, a] = 0.0
            for b in range(4):
                g.world[j, a, b], g.skin[j, a, b] = 0.0, 0.0
            for b in range(3):
                g.R[j, a, b] = 0.0
    for i in range(len(g.points)):
        for a in range(3):
            g.points[i, a] = 0.0
    for i in range(len(g.marks)):
        for a in range(3):
            g.marks[i, a] = 0.0


@inner
def unpose_body(rig, x, p, g, d_x, d_root):  # type: ignore[no-untyped-def]
    """Add to d_x (331,) and d_root (3,) the gradients, from those by points and marks in `g`."""
    _unmark(rig, g)
    _unskin(rig, p, g)
    _unshape(rig, g, d_x)
    _unchain(rig.parents, p, g, d_root)
    for j in range(52):
        for a in range(3):
            for m in range(10):
                d_x[BETA_0 + m] += rig.joints_shapedirs[j, a, m] * g.rest[j, a]
        six_gradient(x, 6 * j, p.R[j], g.R[j], d_x)


@inner
def _unmark(rig, g):  # type: ignore[no-untyped-def]
    for i in range(len(g.marks)):
        for k in range(rig.landmark_start[i], rig.landmark_start[i + 1]):
            source, w = rig.landmark_source[k], rig.landmark_weight[k]
            for a in range(3):
                if source < 52:
                    g.world[source, a, 3] += w * g.marks[i, a]
                else:
                    g.points[source - 52, a] += w * g.marks[i, a]


@inner
def _unskin(rig, p, g):  # type: ignore[no-untyped-def]
    for i in range(len(rig.template)):
        x, y, z = p.shaped[i, 0], p.shaped[i, 1], p.shaped[i, 2]
        r0, r1, r2 = 0.0, 0.0, 0.0
        for k in range(rig.skin_start[i], rig.skin_start[i + 1]):
            j, w = rig.skin_joint[k], rig.skin_weight[k]
            A, D = p.skin[j], g.skin[j]
            for a in range(3):
                q = w * g.points[i, a]
                D[a, 0] += q * x
                D[a, 1] += q * y
                D[a, 2] += q * z
                D[a, 3] += q
                r0 += A[a, 0] * q
                r1 += A[a, 1] * q
                r2 += A[a, 2] * q
        g.shaped[i, 0], g.shaped[i, 1], g.shaped[i, 2] = r0, r1, r2


@inner
def _unshape(rig, g, d_x):  # type: ignore[no-untyped-def]
    for m in range(10):
        moved, x, y, z = rig.shapedirs[m], 0.0, 0.0, 0.0
        for i in range(len(moved)):
            x += moved[i, 0] * g.shaped[i, 0]
            y += moved[i, 1] * g.shaped[i, 1]
            z += moved[i, 2] * g.shaped[i, 2]
        d_x[BETA_0 + m] += x + y + z
    for i in range(len(rig.template)):
        for k in range(rig.block_start[i], rig.block_start[i + 1]):
            D, B = g.R[rig.block_joint[k]], rig.blocks[k]
            x, y, z = g.shaped[i, 0], g.shaped[i, 1], g.shaped[i, 2]
            for b in range(3):
                for c in range(3):
                    n = 3 * b + c
                    D[b, c] += B[0, n] * x + B[1, n] * y + B[2, n] * z


@inner
def _unchain(parents, p, g, d_root):  # type: ignore[no-untyped-def]
    """From the gradients by skin and world to those by R and rest, children before parents."""
    for j in range(51, -1, -1):
        up, R, t, W, D, S = parents[j], p.R[j], p.offset[j], p.world[j], g.world[j], g.skin[j]
        for a in range(3):
            D[a, 3] += S[a, 3]
            for b in range(3):
                D[a, b] += S[a, b] - S[a, 3] * p.rest[j, b]
                g.rest[j, b] -= S[a, 3] * W[a, b]
        if up < 0:
            for a in range(3):
                d_root[a] += D[a, 3]
                for b in range(3):
                    g.R[j, a, b] += D[a, b]
            continue
        U, E = p.world[up], g.world[up]
        for a in range(3):
            pull = U[0, a] * D[0, 3] + U[1, a] * D[1, 3] + U[2, a] * D[2, 3]
            g.rest[j, a] += pull
            g.rest[up, a] -= pull
            for b in range(3):
                g.R[j, a, b] += U[0, a] * D[0, b] + U[1, a] * D[1, b] + U[2, a] * D[2, b]
                E[a, b] += D[a, 0] * R[b, 0] + D[a, 1] * R[b, 1] + D[a, 2] * R[b, 2] + D[a, 3] * t[b]
            E[a, 3] += D[a, 3]
