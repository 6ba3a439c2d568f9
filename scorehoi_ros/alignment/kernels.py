"""The energy of `terms.py` compiled, with its gradient: one hypothesis, one CPU thread, without the GIL."""

import math
from typing import NamedTuple

import numpy as np

from scorehoi_ros.alignment.kernels_body import Posed, clear_posed, new_posed, pose_body, unpose_body
from scorehoi_ros.alignment.kernels_contact import ground, place, push_all, touch, touched
from scorehoi_ros.alignment.kernels_image import landmarks, outside, project, robust, uncovered, unproject
from scorehoi_ros.alignment.kernels_rotation import turn_gradient, turned
from scorehoi_ros.alignment.state import Float64
from scorehoi_ros.render.jit import kernel

NEAREST_M = 0.2  # as in state.py


class Room(NamedTuple):
    """Arrays that one evaluation after the other fills."""

    posed: Posed
    d_posed: Posed
    """Gradients by the arrays of `posed`."""
    x: Float64
    """(331,) unknowns in their own units."""
    d_x: Float64
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
    tolerance: Float64
    """(n + tokens,) crop coordinates, of tokens and then of surface points."""
    squares: Float64


@kernel
def new_room(rig, frame, w, mean):  # type: ignore[no-untyped-def]
    """Room for the evaluations of one hypothesis; its proposal fixes the tolerances."""
    n, tokens, surface = len(rig.template), len(rig.spacing), len(frame.surface)
    tolerance = np.empty(tokens + surface)
    z = math.exp(mean[324]) * frame.focal
    tolerance[:tokens] = w.tolerance * rig.spacing * (2 * frame.focal / z)
    tolerance[tokens:] = w.tolerance * frame.spacing * (2 * frame.focal / max(z + mean[327], NEAREST_M))
    marks = len(rig.landmark_start) - 1
    return Room(
        new_posed(n, marks),
        new_posed(n, marks),
        np.zeros(331),
        np.zeros(331),
        np.zeros(3),
        np.zeros(3),
        np.zeros(3),
        np.zeros(6),
        np.zeros((3, 3)),
        np.zeros((surface, 3)),
        np.zeros((surface, 3)),
        np.zeros((len(frame.points), 3)),
        np.zeros((len(frame.points), 3)),
        np.zeros((max(n, surface), 2)),
        np.zeros((max(n, surface), 2)),
        tolerance,
        np.zeros(tokens),
    )


@kernel
def energy(u, mean, sigma, R0, rig, frame, w, room, terms, gradient):  # type: ignore[no-untyped-def]
    """Fill terms (12,) and the gradient (331,) of their sum at the unknowns u (331,); gives the sum."""
    _decode(u, mean, sigma, R0, frame.focal, room)
    terms[:] = 0.0
    room.d_root[:] = 0.0
    room.pull[:] = 0.0
    room.d_x[:] = 0.0
    if frame.person:
        theta = room.x[:312].reshape(52, 6)
        pose_body(rig, theta, room.x[312:322], room.root, room.posed)
        clear_posed(room.d_posed)
        _see_human(frame, w, room, terms)
    if len(frame.surface) > 0:
        _see_object(frame, w, room, terms)
    _depths(frame, w, room, terms)
    _encode(rig, frame, room)
    terms[0] = 0.0
    for i in range(331):
        weight = w.prior_theta
        if i >= 312:
            weight = w.prior_betas
        if i >= 322:
            weight = w.prior_camera
        if i >= 325:
            weight = w.prior_place
        if i >= 328:
            weight = w.prior_turn
        terms[0] += 0.5 * weight * u[i] * u[i]
        gradient[i] = weight * u[i] + sigma[i] * room.d_x[i]
    return terms.sum()


@kernel
def _decode(u, mean, sigma, R0, focal, room):  # type: ignore[no-untyped-def]
    x = room.x
    for i in range(331):
        x[i] = mean[i] + sigma[i] * u[i]
    z = math.exp(x[324]) * focal
    far = max(z + x[327], NEAREST_M)
    for a in range(2):
        room.root[a] = x[322 + a] * z / (2 * focal)
        room.origin[a] = x[325 + a] * far / (2 * focal)
    room.root[2], room.origin[2] = z, far
    turned(x[328:331], R0, room.R_o)


@kernel
def _see_human(frame, w, room, terms):  # type: ignore[no-untyped-def]
    """Landmarks and the human's outline, gradients into `room.d_posed`."""
    p, g = room.posed, room.d_posed
    marks, tokens = len(p.marks), len(frame.M_h)
    pixels, d_pixels = room.pixels[:marks], room.d_pixels[:marks]
    d_pixels[:] = 0.0
    project(frame.P, p.marks, pixels)
    terms[1] = landmarks(pixels, frame, w, d_pixels)
    unproject(frame.P, p.marks, pixels, d_pixels, g.marks)
    pixels, d_pixels, scale = room.pixels[:tokens], room.d_pixels[:tokens], w.outline_scale
    d_pixels[:] = 0.0
    project(frame.P, p.points, pixels)
    terms[2] = outside(pixels, frame.human_field, w.human_outline, scale, w.human_most, d_pixels)
    tolerance = room.tolerance[:tokens]
    terms[3] = uncovered(pixels, frame.human_points, tolerance, w.human_cover, scale, w.human_most, d_pixels)
    unproject(frame.P, p.points, pixels, d_pixels, g.points)


@kernel
def _see_object(frame, w, room, terms):  # type: ignore[no-untyped-def]
    """The object's outline, contacts, floor: gradients into `room.pull` and `room.d_posed`."""
    n, scale, R, origin = len(frame.surface), w.outline_scale, room.R_o, room.origin
    pixels, d_pixels = room.pixels[:n], room.d_pixels[:n]
    d_pixels[:] = 0.0
    room.d_surface[:] = 0.0
    room.d_points[:] = 0.0
    place(frame.surface, R, origin, room.surface)
    place(frame.points, R, origin, room.points)
    project(frame.P, room.surface, pixels)
    terms[4] = outside(pixels, frame.object_field, w.object_outline, scale, w.object_most, d_pixels)
    tolerance = room.tolerance[len(frame.M_h) :]
    terms[5] = uncovered(
        pixels, frame.object_points, tolerance, w.object_cover, scale, w.object_most, d_pixels
    )
    unproject(frame.P, room.surface, pixels, d_pixels, room.d_surface)
    push_all(room.surface, origin, room.d_surface, room.pull)
    if frame.person:
        tokens, d_tokens, pair = room.posed.points, room.d_posed.points, np.zeros(2)
        touch(tokens, frame, R, origin, w, pair, d_tokens, room.pull)
        terms[6], terms[8] = pair
        terms[7] = touched(room.points, tokens, frame, origin, w, d_tokens, room.d_points, room.squares)
    if frame.plane.any():
        ground(room.points, frame, w, terms[9:11], room.d_points)
    push_all(room.points, origin, room.d_points, room.pull)


@kernel
def _depths(frame, w, room, terms):  # type: ignore[no-untyped-def]
    scale = w.depth_scale * w.depth_scale
    for k in range(2):
        if not np.isnan(frame.depths[k]):
            miss = (room.root[2] if k == 0 else room.origin[2]) - frame.depths[k]
            cost, slope = robust(miss * miss / scale, w.depth_most)
            terms[11] += w.depth * cost
            force = 2.0 * w.depth * slope * miss / scale
            if k == 0:
                room.d_root[2] += force
            else:
                room.pull[2] += force


@kernel
def _encode(rig, frame, room):  # type: ignore[no-untyped-def]
    """Gradients by the unknowns in their own units, `room.d_x`."""
    x, d, focal, z, far = room.x, room.d_x, frame.focal, room.root[2], room.origin[2]
    if frame.person:
        d_root = np.zeros(3)
        theta, d_theta = x[:312].reshape(52, 6), d[:312].reshape(52, 6)
        unpose_body(rig, theta, room.posed, room.d_posed, d_theta, d[312:322], d_root)
        room.d_root[:] += d_root
    by_z, by_far = room.d_root[2], room.pull[2]
    for a in range(2):
        d[322 + a] = room.d_root[a] * z / (2 * focal)
        d[325 + a] = room.pull[a] * far / (2 * focal)
        by_z += room.d_root[a] * x[322 + a] / (2 * focal)
        by_far += room.pull[a] * x[325 + a] / (2 * focal)
    if z + x[327] > NEAREST_M:
        d[327] = by_far
        by_z += by_far
    d[324] = by_z * z
    turn_gradient(x[328:331], room.pull[3], room.pull[4], room.pull[5], d[328:331])
