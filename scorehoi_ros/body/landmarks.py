"""MediaPipe's 33 body and 2 x 21 hand points as weighted sums of joints and vertices."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.body.landmark_shares import SHARES
from scorehoi_ros.body.model import LandmarkMap
from scorehoi_ros.body.skeleton import FINGERS, JOINT_INDEX, JOINT_NAMES, SIDES, mirror_name

_FACE = (
    "nose",
    *(f"{side}_eye{part}" for side in SIDES for part in ("_inner", "", "_outer")),
    "left_ear",
    "right_ear",
    "mouth_left",
    "mouth_right",
)
_BODY_PARTS = (
    ("shoulder", "elbow", "wrist", "pinky", "index", "thumb"),
    ("hip", "knee", "ankle", "heel", "foot_index"),
)
_HAND = (
    "wrist",
    *(f"thumb_{part}" for part in ("cmc", "mcp", "ip", "tip")),
    *(
        f"{finger}_{part}"
        for finger in ("index", "middle", "ring", "pinky")
        for part in ("mcp", "pip", "dip", "tip")
    ),
)
LANDMARK_NAMES: tuple[str, ...] = (
    *_FACE,
    *(f"{side}_{part}" for parts in _BODY_PARTS for part in parts for side in SIDES),
    *(f"{side}_hand_{part}" for side in SIDES for part in _HAND),
)
"""75 names in MediaPipe's order: body, left hand, right hand."""

ANCHOR_NAMES: tuple[str, ...] = (
    *_FACE,
    *(f"{side}_{part}" for side in SIDES for part in ("big_toe", "small_toe", "heel")),
    *(f"{side}_{finger}_tip" for side in SIDES for finger in FINGERS),
)
"""Points on the skin that a body must name; the rest of the landmarks comes from joints."""

Terms = dict[str, float]
"""Share of each joint or anchor in one landmark; anchors have a leading "@"."""


def fitted_terms() -> dict[str, Terms]:
    """What each of the 75 landmarks is made of on the free body, see `landmark_shares`."""
    mirrored = {
        mirror_name(name): {mirror_name(source): share for source, share in terms.items()}
        for name, terms in SHARES.items()
    }
    return mirrored | SHARES


def nominal_terms() -> dict[str, Terms]:
    """What each of the 75 landmarks is by its name: one joint or one point of the skin."""
    terms: dict[str, Terms] = {name: {f"@{name}": 1.0} for name in _FACE}
    for side in SIDES:
        terms |= {
            f"{side}_{j}": {f"{side}_{j}": 1.0}
            for j in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        }
        terms[f"{side}_pinky"] = {f"{side}_pinky1": 1.0}
        terms[f"{side}_index"] = {f"{side}_index1": 1.0}
        terms[f"{side}_thumb"] = {f"{side}_thumb2": 1.0}
        terms[f"{side}_heel"] = {f"@{side}_heel": 1.0}
        terms[f"{side}_foot_index"] = {f"@{side}_big_toe": 0.7, f"@{side}_small_toe": 0.3}
        terms |= _hand_terms(side)
    return terms


def _hand_terms(side: str) -> dict[str, Terms]:
    terms: dict[str, Terms] = {f"{side}_hand_wrist": {f"{side}_wrist": 1.0}}
    for finger in FINGERS:
        parts = ("cmc", "mcp", "ip", "tip") if finger == "thumb" else ("mcp", "pip", "dip", "tip")
        sources = [f"{side}_{finger}{k}" for k in (1, 2, 3)] + [f"@{side}_{finger}_tip"]
        terms |= {f"{side}_hand_{finger}_{p}": {s: 1.0} for p, s in zip(parts, sources, strict=True)}
    return terms


def build_landmark_map(
    anchors: Mapping[str, Mapping[int, float]], landmark_terms: Mapping[str, Terms]
) -> LandmarkMap:
    """The map for a mesh whose anchors (every name of ANCHOR_NAMES) are weighted sums of vertices."""
    ids = sorted({vertex for name in ANCHOR_NAMES for vertex in anchors[name]})
    column = {vertex: i for i, vertex in enumerate(ids)}
    joint_weights = np.zeros((len(LANDMARK_NAMES), len(JOINT_NAMES)), dtype=np.float32)
    vertex_weights = np.zeros((len(LANDMARK_NAMES), len(ids)), dtype=np.float32)
    for name, terms in landmark_terms.items():
        row = LANDMARK_NAMES.index(name)
        for source, share in terms.items():
            if not source.startswith("@"):
                joint_weights[row, JOINT_INDEX[source]] += share
                continue
            for vertex, weight in anchors[source[1:]].items():
                vertex_weights[row, column[vertex]] += share * weight
    return LandmarkMap(LANDMARK_NAMES, joint_weights, np.array(ids, dtype=np.int32), vertex_weights)


def landmark_points(
    model_map: LandmarkMap, joints: NDArray[np.floating], vertices: NDArray[np.floating]
) -> NDArray[np.float64]:
    """(75, 3) landmarks of a posed body: ``joints`` (52, 3) and all ``vertices`` (V, 3), same frame."""
    skin = vertices[model_map.vertex_ids]
    return np.asarray(model_map.joint_weights @ joints + model_map.vertex_weights @ skin, np.float64)
