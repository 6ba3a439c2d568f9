"""Groups of skin vertices that touch things: palms, finger pads, soles, seat, chest, back, mouth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.skeleton import FINGERS, JOINT_INDEX, SIDES
from scorehoi_ros.geometry.surface import farthest_points
from scorehoi_ros.render.shading import vertex_normals
from scorehoi_ros.types import Bools, Floats

Ids = NDArray[np.int64]
GROUPS: tuple[str, ...] = (
    *(f"{side}_{part}" for side in SIDES for part in ("palm", "fingers", "sole", "toes", "forearm")),
    "seat",
    "chest",
    "back",
    "mouth",
)
_GUARDS, _HAND_GUARDS, _FOOT_GUARDS = 150, 34, 16
"""Vertices all over the body, and of each hand, forearm and foot, that are kept out of the object."""


@dataclass(frozen=True)
class Anchors:
    """Vertex ids into the full mesh."""

    groups: dict[str, Ids]
    """For each of `GROUPS`."""
    guards: Ids
    """Spread over the skin without the fingers."""
    fingers: dict[tuple[str, str], Ids]
    """(side, finger) -> vertices of the finger, for closing it around something."""
    palm_offset: dict[str, Floats]
    """side -> (3,) palm centre minus wrist joint, rest pose."""


def find_anchors(body: BodyModel) -> Anchors:
    """Find the groups from skin weights and rest-pose geometry, on any mesh with SMPL-H's joints."""
    rest = body.v_template.astype(np.float64)
    normals = vertex_normals(rest, body.faces)
    groups: dict[str, Ids] = {}
    for side in SIDES:
        groups |= _limbs(body, rest, normals, side)
    groups |= _torso(body, rest, normals)
    offset = {
        s: rest[groups[f"{s}_palm"]].mean(0) - body.joints_template[JOINT_INDEX[f"{s}_wrist"]] for s in SIDES
    }
    fingers = {(s, f): _finger(body, rest, s, f) for s in SIDES for f in FINGERS}
    return Anchors(
        groups, _guards(body, rest), fingers, {s: np.asarray(v, np.float64) for s, v in offset.items()}
    )


def _region(body: BodyModel, *names: str) -> Bools:
    return np.isin(body.regions, [body.region_names.index(name) for name in names])


def _spread(rest: Floats, chosen: Bools, count: int) -> Ids:
    """At most `count` of the chosen vertices, far from each other."""
    ids = np.nonzero(chosen)[0]
    if len(ids) <= count:
        return ids
    return np.unique(ids[farthest_points(rest[ids], count)])


def _weight(body: BodyModel, names: list[str]) -> Floats:
    return np.asarray(body.weights[:, [JOINT_INDEX[name] for name in names]].sum(1))


def _limbs(body: BodyModel, rest: Floats, normals: Floats, side: str) -> dict[str, Ids]:
    wrist, middle = (body.joints_template[JOINT_INDEX[f"{side}_{j}"]] for j in ("wrist", "middle1"))
    along = (rest - wrist) @ (middle - wrist) / np.sum((middle - wrist) ** 2)
    inner = normals[:, 1] < -0.75
    palm = inner & (_weight(body, [f"{side}_wrist"]) > 0.4) & (along > 0.45) & (along < 1.1)
    pads = inner & (_weight(body, [f"{side}_{f}{k}" for f in FINGERS[:4] for k in (2, 3)]) > 0.8)
    foot = _region(body, f"{side}_foot")
    low = rest[foot, 1].min()
    sole = foot & (rest[:, 1] < low + 0.015) & (normals[:, 1] < -0.6)
    front = rest[foot, 2].max()
    toes = foot & (rest[:, 2] > front - 0.035) & (rest[:, 1] > low + 0.012)
    forearm = _region(body, f"{side}_forearm") & (normals[:, 1] < -0.3)
    return {
        f"{side}_palm": _spread(rest, palm, 8),
        f"{side}_fingers": _spread(rest, pads, 8),
        f"{side}_sole": _spread(rest, sole, 8),
        f"{side}_toes": _spread(rest, toes, 5),
        f"{side}_forearm": _spread(rest, forearm, 5),
    }


def _torso(body: BodyModel, rest: Floats, normals: Floats) -> dict[str, Ids]:
    hip = body.joints_template[[JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]]].mean(0)
    seat = _region(body, "buttocks", "left_thigh", "right_thigh")
    # what carries the weight when the thighs are forward: the back of the thighs and below the hips
    seat &= (normals[:, 2] < -0.4) & (rest[:, 1] < hip[1] + 0.0) & (rest[:, 1] > hip[1] - 0.16)
    chest = _region(body, "chest", "belly") & (normals[:, 2] > 0.75)
    back = _region(body, "upper_back") & (normals[:, 2] < -0.75)
    marks = body.landmarks
    mouth = marks.vertex_ids[np.argsort(-marks.vertex_weights[9:11].sum(0))[:3]]
    return {
        "seat": _spread(rest, seat, 12),
        "chest": _spread(rest, chest, 10),
        "back": _spread(rest, back, 10),
        "mouth": mouth.astype(np.int64),
    }


def _finger(body: BodyModel, rest: Floats, side: str, finger: str) -> Ids:
    chosen = _weight(body, [f"{side}_{finger}{k}" for k in (1, 2, 3)]) > 0.75
    return _spread(rest, chosen, 26)


def _guards(body: BodyModel, rest: Floats) -> Ids:
    moving = _weight(body, [f"{s}_{f}{k}" for s in SIDES for f in FINGERS for k in (1, 2, 3)])
    parts = [_spread(rest, moving < 0.5, _GUARDS)]
    for side in SIDES:
        parts.append(_spread(rest, _region(body, f"{side}_hand") & (moving < 0.5), _HAND_GUARDS))
        parts.append(_spread(rest, _region(body, f"{side}_forearm"), _HAND_GUARDS // 2))
        parts.append(_spread(rest, _region(body, f"{side}_foot"), _FOOT_GUARDS))
    return np.unique(np.concatenate(parts))
