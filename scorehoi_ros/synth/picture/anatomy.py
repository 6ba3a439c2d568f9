"""What clothes need to know of a body model, once for each body."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, identity

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.skeleton import JOINT_INDEX
from scorehoi_ros.geometry.mesh import Mesh, components
from scorehoi_ros.types import Floats, Ints

Float32 = NDArray[np.float32]
HEAD, NECK, TORSO, ARM, HAND, LEG, FOOT, EYE = range(8)
_PARTS = {"head": HEAD, "neck": NECK, "upper_arm": ARM, "forearm": ARM, "hand": HAND}
_PARTS |= {"thigh": LEG, "calf": LEG, "foot": FOOT}


@dataclass(frozen=True)
class Anatomy:
    """What clothes need to know of a body model, in its rest pose (x left, y up, z forward, metres)."""

    rest: Float32
    """(V, 3)"""
    parts: NDArray[np.uint8]
    """(F,) HEAD .. EYE."""
    hair_weight: Float32
    """(V,) 1 where hair can give the head volume."""
    cloth_weight: Float32
    """(V,) 1 where clothes can hang loose, 0 on head, hands and feet."""
    shoe: csr_matrix
    """(f, f) one step of smoothing the feet's f vertices: shoes have no toes."""
    feet: NDArray[np.int64]
    """(f,) vertices of the feet."""
    at: dict[str, float]
    """Heights and reaches: waist, neck, knee, ankle, sole, shoulder_x, elbow_x, wrist_x, eyes_y, nose_z."""


@dataclass(frozen=True, eq=False)
class BodyKey:
    """A body model that can be a key of a cache: equal when the file it came from is equal."""

    model: BodyModel

    def __hash__(self) -> int:
        return hash(self.model.version)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BodyKey) and other.model.version == self.model.version


def hairline(behind: Floats, eyes: float) -> Floats:
    """Height of the hairline by the distance behind the nose: forehead, temples, ears, nape."""
    return np.asarray(
        eyes + np.interp(behind, [0.0, 0.05, 0.085, 0.11, 0.17], [0.062, 0.058, 0.0, -0.02, -0.085])
    )


@lru_cache(maxsize=4)
def anatomy(body: "BodyKey") -> Anatomy:
    """See `Anatomy`; kept for the last bodies used."""
    model = body.model
    rest = np.asarray(model.v_template, np.float32)
    joint = {name: model.joints_template[k] for name, k in JOINT_INDEX.items()}
    kinds = [
        next((part for end, part in _PARTS.items() if name.endswith(end)), TORSO)
        for name in model.region_names
    ]
    of_vertex = np.array(kinds, np.uint8)[model.regions]
    points = _landmarks(model)
    of_vertex[_eyeballs(model, (points["left_eye"] + points["right_eye"]) / 2)] = EYE
    at = {
        "waist": float(joint["pelvis"][1] + 0.095),
        "neck": float(joint["neck"][1]),
        "knee": float(joint["left_knee"][1]),
        "ankle": float(joint["left_ankle"][1]),
        "sole": float(rest[:, 1].min()),
        "shoulder_x": float(abs(joint["left_shoulder"][0])),
        "elbow_x": float(abs(joint["left_elbow"][0])),
        "wrist_x": float(abs(joint["left_wrist"][0])),
        "eyes_y": float((points["left_eye"][1] + points["right_eye"][1]) / 2),
        "eyes_x": float(abs(points["left_eye"][0])),
        "nose_z": float(points["nose"][2]),
        "mouth_y": float(points["mouth_left"][1]),
        "mouth_x": float(abs(points["mouth_left"][0])),
    }
    behind = at["nose_z"] - rest[:, 2]
    hair = (of_vertex == HEAD) & (rest[:, 1] > hairline(behind, at["eyes_y"]))
    cloth = np.isin(of_vertex, (TORSO, ARM, LEG)) & (np.abs(rest[:, 0]) < at["wrist_x"] - 0.03)
    cloth &= rest[:, 1] > at["ankle"] + 0.03
    # the larger part of a face's corners decides, eyes win
    parts = np.max(of_vertex[model.faces], axis=1)
    return Anatomy(
        rest,
        parts.astype(np.uint8),
        hair.astype(np.float32),
        cloth.astype(np.float32),
        *_shoe(model.faces, np.flatnonzero(of_vertex == FOOT)),
        at,
    )


def _shoe(faces: Ints, feet: NDArray[np.int64]) -> tuple[csr_matrix, NDArray[np.int64]]:
    """Averaging over neighbours for the vertices `feet`; their border to the legs stays."""
    place = np.full(faces.max() + 1, -1)
    place[feet] = np.arange(len(feet))
    edges = place[faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)]
    border = np.unique(edges[(edges < 0).any(axis=1)].max(axis=1))
    edges = edges[(edges >= 0).all(axis=1)]
    graph = csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (len(feet), len(feet)))
    graph = graph + graph.T + identity(len(feet))
    step = diags(1 / np.asarray(graph.sum(axis=1)).ravel()) @ graph
    free = np.ones(len(feet))
    free[border[border >= 0]] = 0.0
    step = diags(free) @ step + diags(1 - free)
    return csr_matrix(step), feet


def _landmarks(body: BodyModel) -> dict[str, Floats]:
    m = body.landmarks
    points = m.joint_weights @ body.joints_template + m.vertex_weights @ body.v_template[m.vertex_ids]
    return dict(zip(m.names, np.asarray(points, np.float64), strict=True))


def _eyeballs(body: BodyModel, middle: Floats) -> Ints:
    """Vertices of the small mesh pieces near the eyes; none in bodies without eyeballs."""
    labels = components(Mesh(np.asarray(body.v_template, np.float64), body.faces))
    found = [np.zeros(0, np.int64)]
    for k in range(labels.max() + 1):
        ids = np.unique(body.faces[labels == k])
        points = body.v_template[ids]
        if np.ptp(points, axis=0).max() < 0.05 and np.linalg.norm(points.mean(0) - middle) < 0.08:
            found.append(ids)
    return np.concatenate(found)
