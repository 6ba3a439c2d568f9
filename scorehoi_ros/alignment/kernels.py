"""The energy of `terms.py` compiled, with its gradient: one CPU thread, without the GIL.

The first call compiles for some 15 s; a later process reads the cache in less than one.
"""

import math
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np

from scorehoi_ros.alignment.kernels_body import Posed, clear_posed, new_posed, pose_body, unpose_body
from scorehoi_ros.alignment.kernels_contact import ground, place, push_all, touch, touched
from scorehoi_ros.alignment.kernels_image import landmarks, outside, project, robust, uncovered, unproject
from scorehoi_ros.alignment.kernels_rotation import turn_gradient, turned
from scorehoi_ros.alignment.rig import Rig
from scorehoi_ros.alignment.state import CAMERA_0, PLACE_0, TURN_0, Float64
from scorehoi_ros.alignment.target import Packed
from scorehoi_ros.geometry.view import LEAST_DEPTH_M
from scorehoi_ros.jit import inner, kernel


class Room(NamedTuple):
    """Arrays that one evaluation after the other fills."""

    posed: Posed
    d_posed: Posed
    """Gradients by the arrays of `posed`."""
    root: Float64
    origin: Float64
    d_root: Float64
    pull: Float64
    """(6,) force on the origin, torque about it."""
    R_o: Float64
    surface: Float64
    d_surface: Float64
    points: Float64
    d_points: Float64
    pixels: Float64
    d_pixels: Float64
    columns: Float64
    """(4, n) coordinates of points, and squared distances to them."""


def new_room(rig: Rig, frame: Packed) -> Room:
    """Room for the evaluations of one thread."""
    n, marks, surface = len(rig.template), len(rig.landmark_start) - 1, frame.surface.shape
    pixels = (max(n, surface[0]), 2)
    shapes: list[tuple[int, ...]] = [(3,), (3,), (3,), (6,), (3, 3), surface, surface]
    shapes += [frame.points.shape, frame.points.shape, pixels, pixels, (4, pixels[0])]
    return Room(new_posed(n, marks), new_posed(n, marks), *(np.zeros(s) for s in shapes))


@inner
def _energy(x, R0, scale, rig, frame, w, room, terms, d_x):  # type: ignore[no-untyped-def]
    """`evaluate` for one hypothesis."""
    _decode(x, R0, frame.focal, room)
    for i in range(len(x)):
        d_x[i] = 0.0
    for i in range(len(terms)):
        terms[i] = 0.0
    if frame.person:
        pose_body(rig, x, room.root, room.posed)
        clear_posed(room.d_posed)
        _see_human(rig.spacing, scale[0], frame, w, room, terms)
    if len(frame.surface) > 0:
        _see_object(scale[1], frame, w, room, terms)
    terms[11] = _depth(room.root, frame.depths[0], w, room.d_root)
    terms[11] += _depth(room.origin, frame.depths[1], w, room.pull)
    if frame.person:
        unpose_body(rig, x, room.posed, room.d_posed, d_x, room.d_root)
    _encode(x, d_x, frame.focal, room)


@inner
def _decode(x, R0, focal, room):  # type: ignore[no-untyped-def]
    z = math.exp(x[CAMERA_0 + 2]) * focal
    far = max(z + x[PLACE_0 + 2], LEAST_DEPTH_M)
    for a in range(2):
        room.root[a] = x[CAMERA_0 + a] * z / (2 * focal)
        room.origin[a] = x[PLACE_0 + a] * far / (2 * focal)
    room.root[2], room.origin[2] = z, far
    turned(x, TURN_0, R0, room.R_o)
    for a in range(3):
        room.d_root[a] = 0.0
        room.pull[a] = 0.0
        room.pull[3 + a] = 0.0


@inner
def _see_human(spacing, scale, frame, w, room, terms):  # type: ignore[no-untyped-def]
    """Landmarks and the human's outline, gradients into `room.d_posed`."""
    P, p, g, pixels, d_pixels = frame.P, room.posed, room.d_posed, room.pixels, room.d_pixels
    project(P, p.marks, len(p.marks), pixels, d_pixels)
    terms[1] = landmarks(pixels, frame.pixels, frame.confidence, w, d_pixels)
    unproject(P, p.marks, len(p.marks), pixels, d_pixels, g.marks)
    n, most = len(frame.M_h), w.human_most
    project(P, p.points, n, pixels, d_pixels)
    terms[2] = outside(pixels, n, frame.human_field, w.human_outline, w.outline_scale, most, d_pixels)
    near, reach = w.tolerance * scale, w.outline_scale
    terms[3] = uncovered(
        pixels, frame.human_points, spacing, near, w.human_cover, reach, most, d_pixels, room.columns
    )
    unproject(P, p.points, n, pixels, d_pixels, g.points)


@inner
def _see_object(scale, frame, w, room, terms):  # type: ignore[no-untyped-def]
    """The object's outline, contacts, floor: gradients into `room.pull` and `room.d_posed`."""
    n, most, P, origin = len(frame.surface), w.object_most, frame.P, room.origin
    pixels, d_pixels = room.pixels, room.d_pixels
    place(frame.surface, room.R_o, origin, room.surface, room.d_surface)
    place(frame.points, room.R_o, origin, room.points, room.d_points)
    project(P, room.surface, n, pixels, d_pixels)
    terms[4] = outside(pixels, n, frame.object_field, w.object_outline, w.outline_scale, most, d_pixels)
    near, reach = w.tolerance * scale, w.outline_scale
    terms[5] = uncovered(
        pixels, frame.object_points, frame.spacing, near, w.object_cover, reach, most, d_pixels, room.columns
    )
    unproject(P, room.surface, n, pixels, d_pixels, room.d_surface)
    push_all(room.surface, origin, room.d_surface, room.pull)
    if frame.person:
        tokens, d_tokens = room.posed.points, room.d_posed.points
        terms[6], terms[8] = touch(tokens, frame, room.R_o, origin, w, d_tokens, room.pull)
        terms[7] = touched(room.points, tokens, frame, w, d_tokens, room.d_points, room.columns)
    terms[9], terms[10] = ground(room.points, frame.plane, frame.M_f, w, room.d_points)
    push_all(room.points, origin, room.d_points, room.pull)


@inner
def _depth(place, measured, w, force):  # type: ignore[no-untyped-def]
    """Robust square of the miss of a depth, its gradient into `force`; NaN = not measured."""
    if math.isnan(measured):
        return 0.0
    scale = w.depth_scale * w.depth_scale
    miss = place[2] - measured
    cost, slope = robust(miss * miss / scale, w.depth_most)
    force[2] += 2.0 * w.depth * slope * miss / scale
    return w.depth * cost


@inner
def _encode(x, d_x, focal, room):  # type: ignore[no-untyped-def]
    """Gradients by camera, place and turn from those by root and object."""
    z, far = room.root[2], room.origin[2]
    by_z, by_far = room.d_root[2], room.pull[2]
    for a in range(2):
        d_x[CAMERA_0 + a] = room.d_root[a] * z / (2 * focal)
        d_x[PLACE_0 + a] = room.pull[a] * far / (2 * focal)
        by_z += room.d_root[a] * x[CAMERA_0 + a] / (2 * focal)
        by_far += room.pull[a] * x[PLACE_0 + a] / (2 * focal)
    if z + x[PLACE_0 + 2] > LEAST_DEPTH_M:
        d_x[PLACE_0 + 2] = by_far
        by_z += by_far
    d_x[CAMERA_0 + 2] = z * by_z
    turn_gradient(x, TURN_0, room.pull, d_x)


def _compiled(sources):  # type: ignore[no-untyped-def]
    """`evaluate`; `sources` goes into the key of its cache."""

    @kernel
    def evaluate(x, R0, scale, rig, frame, w, room, terms, d_x):  # type: ignore[no-untyped-def]
        """Fill terms (H, 12), but for the prior, and the gradient (H, 331) of their sum at x (H, 331).

        x in the units of the network, not of its uncertainty; R0 (H, 3, 3); scale (H, 2) crop coordinates
        a metre at the proposal's pelvis and object; `w` is `weights.values_of`.
        """
        _ = sources
        for h in range(len(x)):
            _energy(x[h], R0[h], scale[h], rig, frame, w, room, terms[h], d_x[h])

    return evaluate


# numba's cache looks at the file of the kernel alone, not at those of the functions that it calls.
evaluate = _compiled(crc32(b"".join(p.read_bytes() for p in sorted(Path(__file__).parent.glob("*.py")))))
