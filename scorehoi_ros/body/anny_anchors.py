"""Vertices of the free body for landmarks on the skin, found from geometry and skin weights."""

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.body.skeleton import FINGERS, JOINT_INDEX, SIDES

Anchors = dict[str, dict[int, float]]


def find_anchors(
    vertices: NDArray[np.floating],
    joints: NDArray[np.floating],
    weights: NDArray[np.floating],
    quads: NDArray[np.integer],
    visible: NDArray[np.bool_],
    skin_count: int,
) -> Anchors:
    """Weighted vertices for every name of `landmarks.ANCHOR_NAMES` on a T-pose body.

    ``vertices`` (V, 3), ``joints`` (52, 3), ``weights`` (V, 52), ``quads`` (q, 4), ``visible`` (V,) false
    for the eyes, the mouth cavity and the eye sockets; vertices from ``skin_count`` on are the eyeballs.
    """
    anchors = _face_anchors(vertices, weights[:, JOINT_INDEX["head"]], quads, visible, skin_count)
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        anchors |= _foot_anchors(vertices, joints, weights, side, sign)
        anchors |= _finger_anchors(vertices, joints, weights, side)
    return anchors


def _pick(allowed: NDArray[np.bool_], value: NDArray[np.floating]) -> dict[int, float]:
    """The allowed vertex with the largest value."""
    ids = np.flatnonzero(allowed)
    return {int(ids[value[ids].argmax()]): 1.0}


def _face_anchors(
    vertices: NDArray,
    head_weight: NDArray,
    quads: NDArray[np.integer],
    visible: NDArray[np.bool_],
    skin_count: int,
) -> Anchors:
    """Nose, eyes, ears and mouth; the rims of the eye sockets and of the mouth give the corners."""
    skin = visible & (head_weight > 0.8)
    x, y, z = vertices.T
    anchors: Anchors = {"nose": _pick(skin & (np.abs(x) < 0.008), z)}
    nose_y = y[next(iter(anchors["nose"]))]
    mixed = visible[quads].any(axis=1) & ~visible[quads].all(axis=1)
    rim = np.zeros(len(vertices), dtype=bool)
    rim[np.unique(quads[mixed])] = True
    rim &= visible
    eyeballs = np.arange(len(vertices)) >= skin_count
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        own = sign * x > 0
        lids = rim & own & (y > nose_y)
        anchors[f"{side}_eye"] = _pick(eyeballs & own, z)
        anchors[f"{side}_eye_inner"] = _pick(lids, -sign * x)
        anchors[f"{side}_eye_outer"] = _pick(lids, sign * x)
        anchors[f"{side}_ear"] = _pick(skin & (y < nose_y + 0.05), sign * x)
        anchors[f"mouth_{side}"] = _pick(rim & own & (y < nose_y), sign * x)
    return anchors


def _foot_anchors(vertices: NDArray, joints: NDArray, weights: NDArray, side: str, sign: float) -> Anchors:
    foot = weights[:, [JOINT_INDEX[f"{side}_foot"], JOINT_INDEX[f"{side}_ankle"]]].sum(axis=1) > 0.5
    y, z = vertices[:, 1], vertices[:, 2]
    outward = sign * (vertices[:, 0] - joints[JOINT_INDEX[f"{side}_foot"], 0])
    return {
        f"{side}_big_toe": _pick(foot & (outward < -0.01), z),
        f"{side}_small_toe": _pick(foot & (outward > 0.015), z + 0.6 * outward),
        f"{side}_heel": _pick(foot & (y < y[foot].min() + 0.03), -z),
    }


def _finger_anchors(vertices: NDArray, joints: NDArray, weights: NDArray, side: str) -> Anchors:
    anchors: Anchors = {}
    for finger in FINGERS:
        joint = JOINT_INDEX[f"{side}_{finger}3"]
        phalanx = weights[:, joint] > 0.5
        along = vertices[phalanx].mean(axis=0) - joints[joint]
        anchors[f"{side}_{finger}_tip"] = _pick(phalanx, vertices @ along)
    return anchors
