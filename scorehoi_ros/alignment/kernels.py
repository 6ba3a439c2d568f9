"""The energy of `terms.py` compiled, with its gradient: one CPU thread, without the GIL.

The first call compiles for some 15 s; a later process reads the cache in less than one.
"""

import math
from typing import NamedTuple

import numpy as np

from scorehoi_ros.alignment.kernels_body import Posed, clear_posed, new_posed, pose_body, unpose_body
from scorehoi_ros.alignment.kernels_contact import ground, place, push_all, touch, touched
from scorehoi_ros.alignment.kernels_image import landmarks, outside, project, robust, uncovered, unproject
from scorehoi_ros.alignment.kernels_rotation import turn_gradient, turned
from scorehoi_ros.alignment.rig import Rig
from scorehoi_ros.alignment.state import NUM_UNKNOWNS, Float64
from scorehoi_ros.alignment.target import Packed
from scorehoi_ros.render.jit import inner, kernel

NEAREST_M = 0.2  # as in state.py


class Parts(NamedTuple):
    """The unknowns, or the gradient by them, in their own units."""

    theta: Float64
    """(52, 6)"""
    betas: Float64
    camera: Float64
    place: Float64
    turn: Float64


class Room(NamedTuple):
    """Arrays that one evaluation after the other fills."""

    x: Parts
    d_x: Parts
    flat: Float64
    """(331,) the memory of `x`."""
    d_flat: Float64
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
    token_tolerance: Float64
    """(431,) crop coordinates."""
    surface_tolerance: Float64
    """(n,)"""
    squares: Float64


def _parts(flat: Float64) -> Parts:
    theta, betas, camera, spot, turn = np.split(flat, (312, 322, 325, 328))
    return Parts(theta.reshape(52, 6), betas, camera, spot, turn)


def new_room(rig: Rig, frame: Packed) -> Room:
    """Room for the evaluations of one thread."""
    n, marks, surface = len(rig.template), len(rig.landmark_start) - 1, frame.surface.shape
    flat, d_flat, pixels = np.zeros(NUM_UNKNOWNS), np.zeros(NUM_UNKNOWNS), (max(n, surface[0]), 2)
    shapes = ((3,), (3,), (3,), (6,), (3, 3), surface, surface, frame.points.shape, frame.points.shape)
    shapes += (pixels, pixels, rig.spacing.shape, surface[:1], (pixels[0],))
    posed = (new_posed(n, marks), new_posed(n, marks))
    return Room(_parts(flat), _parts(d_flat), flat, d_flat, *posed, *(np.zeros(s) for s in shapes))


@kernel
def evaluate(u, mean, sigma, R0, rig, frame, w, room, terms, gradient):  # type: ignore[no-untyped-def]
    """Fill terms (H, 12) and the gradient (H, 331) of their sum at the unknowns u (H, 331).

    mean (H, 331), sigma (331,), R0 (H, 3, 3); `w` is `weights.values_of`.
    """
    for h in range(len(u)):
        _set_tolerance(mean[h], rig, frame, w, room)
        _energy(u[h], mean[h], sigma, R0[h], rig, frame, w, room, terms[h], gradient[h])


@inner
def _set_tolerance(mean, rig, frame, w, room):  # type: ignore[no-untyped-def]
    """The depths of the proposal fix the tolerances, which therefore have no gradient."""
    z = math.exp(mean[324]) * frame.focal
    scale = w.tolerance * 2 * frame.focal
    for i in range(len(room.token_tolerance)):
        room.token_tolerance[i] = scale * rig.spacing[i] / z
    for i in range(len(room.surface_tolerance)):
        room.surface_tolerance[i] = scale * frame.spacing / max(z + mean[327], NEAREST_M)


@inner
def _energy(u, mean, sigma, R0, rig, frame, w, room, terms, gradient):  # type: ignore[no-untyped-def]
    """`evaluate` for one hypothesis."""
    for i in range(len(u)):
        room.flat[i] = mean[i] + sigma[i] * u[i]
    _decode(room.x, R0, frame.focal, room)
    for i in range(len(terms)):
        terms[i] = 0.0
    if frame.person:
        pose_body(rig, room.x.theta, room.x.betas, room.root, room.posed)
        clear_posed(room.d_posed)
        _see_human(frame, w, room, terms)
    if len(frame.surface) > 0:
        _see_object(frame, w, room, terms)
    terms[11] = _depth(room.root, frame.depths[0], w, room.d_root)
    terms[11] += _depth(room.origin, frame.depths[1], w, room.pull)
    if frame.person:
        unpose_body(rig, room.x.theta, room.posed, room.d_posed, room.d_x.theta, room.d_x.betas, room.d_root)
    _encode(room.x, room.d_x, frame.focal, room)
    for i in range(len(u)):
        weight = _prior_weight(i, w)
        terms[0] += 0.5 * weight * u[i] * u[i]
        gradient[i] = weight * u[i] + sigma[i] * room.d_flat[i]


@inner
def _prior_weight(i, w):  # type: ignore[no-untyped-def]
    if i < 322:
        return w.prior_theta if i < 312 else w.prior_betas
    if i < 325:
        return w.prior_camera
    return w.prior_place if i < 328 else w.prior_turn


@inner
def _decode(x, R0, focal, room):  # type: ignore[no-untyped-def]
    z = math.exp(x.camera[2]) * focal
    far = max(z + x.place[2], NEAREST_M)
    for a in range(2):
        room.root[a] = x.camera[a] * z / (2 * focal)
        room.origin[a] = x.place[a] * far / (2 * focal)
    room.root[2], room.origin[2] = z, far
    turned(x.turn, R0, room.R_o)
    for a in range(3):
        room.d_root[a] = 0.0
        room.pull[a] = 0.0
        room.pull[3 + a] = 0.0


@inner
def _see_human(frame, w, room, terms):  # type: ignore[no-untyped-def]
    """Landmarks and the human's outline, gradients into `room.d_posed`."""
    P, p, g, pixels, d_pixels = frame.P, room.posed, room.d_posed, room.pixels, room.d_pixels
    project(P, p.marks, len(p.marks), pixels, d_pixels)
    terms[1] = landmarks(pixels, frame.pixels, frame.confidence, w, d_pixels)
    unproject(P, p.marks, len(p.marks), pixels, d_pixels, g.marks)
    n, scale, most = len(frame.M_h), w.outline_scale, w.human_most
    project(P, p.points, n, pixels, d_pixels)
    terms[2] = outside(pixels, n, frame.human_field, w.human_outline, scale, most, d_pixels)
    terms[3] = uncovered(
        pixels, frame.human_points, room.token_tolerance, w.human_cover, scale, most, d_pixels, room.squares
    )
    unproject(P, p.points, n, pixels, d_pixels, g.points)


@inner
def _see_object(frame, w, room, terms):  # type: ignore[no-untyped-def]
    """The object's outline, contacts, floor: gradients into `room.pull` and `room.d_posed`."""
    n, scale, most, P, origin = len(frame.surface), w.outline_scale, w.object_most, frame.P, room.origin
    pixels, d_pixels = room.pixels, room.d_pixels
    place(frame.surface, room.R_o, origin, room.surface, room.d_surface)
    place(frame.points, room.R_o, origin, room.points, room.d_points)
    project(P, room.surface, n, pixels, d_pixels)
    terms[4] = outside(pixels, n, frame.object_field, w.object_outline, scale, most, d_pixels)
    terms[5] = uncovered(
        pixels,
        frame.object_points,
        room.surface_tolerance,
        w.object_cover,
        scale,
        most,
        d_pixels,
        room.squares,
    )
    unproject(P, room.surface, n, pixels, d_pixels, room.d_surface)
    push_all(room.surface, origin, room.d_surface, room.pull)
    if frame.person:
        tokens, d_tokens = room.posed.points, room.d_posed.points
        terms[6], terms[8] = touch(tokens, frame, room.R_o, origin, w, d_tokens, room.pull)
        terms[7] = touched(room.points, tokens, frame, w, d_tokens, room.d_points, room.squares)
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
def _encode(x, d, focal, room):  # type: ignore[no-untyped-def]
    """Gradients by camera, place and turn from those by root and object."""
    z, far = room.root[2], room.origin[2]
    by_z, by_far = room.d_root[2], room.pull[2]
    for a in range(2):
        d.camera[a] = room.d_root[a] * z / (2 * focal)
        d.place[a] = room.pull[a] * far / (2 * focal)
        by_z += room.d_root[a] * x.camera[a] / (2 * focal)
        by_far += room.pull[a] * x.place[a] / (2 * focal)
    free = z + x.place[2] > NEAREST_M
    d.place[2] = by_far if free else 0.0
    d.camera[2] = z * (by_z + by_far if free else by_z)
    turn_gradient(x.turn, room.pull[3], room.pull[4], room.pull[5], d.turn)
