"""Clothes, skin, hair and a cardboard box as vertex colours."""

import numpy as np

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.skeleton import JOINT_INDEX
from scorehoi_ros.geometry.mesh import Mesh, components
from scorehoi_ros.types import Bools, Floats

SKIN = np.array([0.84, 0.63, 0.52])
LIPS = np.array([0.70, 0.42, 0.39])
HAIR = np.array([0.17, 0.115, 0.085])
SHIRT = np.array([0.23, 0.50, 0.55])
TROUSERS = np.array([0.30, 0.34, 0.46])
BELT = np.array([0.16, 0.11, 0.08])
SHOES = np.array([0.17, 0.15, 0.15])
EYE_WHITE = np.array([0.92, 0.91, 0.90])
IRIS = np.array([0.12, 0.09, 0.08])
CARDBOARD = np.array([0.80, 0.60, 0.38])
TAPE = np.array([0.90, 0.80, 0.58])
INK = np.array([0.24, 0.17, 0.12])


def figure_colours(body: BodyModel) -> Floats:
    """(V, 3) colours of a dressed person: long-sleeved shirt, trousers, shoes, short hair."""
    v = body.v_template.astype(np.float64)
    region = np.array(body.region_names)[body.regions]
    colours = np.tile(SKIN, (len(v), 1))
    _dress(colours, body, v, region)
    _face(colours, body, v, region == "head")
    grain = 1 + 0.05 * cloth_noise(v, 0.035) + 0.035 * cloth_noise(v, 0.012)
    return np.asarray(np.clip(colours * grain[:, None], 0, 1))


def _dress(colours: Floats, body: BodyModel, v: Floats, region: Floats) -> None:
    joint = {name: body.joints_template[k] for name, k in JOINT_INDEX.items()}
    waist = joint["pelvis"][1] + 0.095
    torso = np.isin(region, ["chest", "belly", "upper_back", "lower_back", "buttocks"])
    legs = np.isin(region, ["left_thigh", "right_thigh", "left_calf", "right_calf"])
    sleeve = np.isin(region, ["left_upper_arm", "right_upper_arm", "left_forearm", "right_forearm"])
    cuff = np.abs(joint["left_wrist"][0]) - 0.055
    shirt = (torso & (v[:, 1] >= waist)) | (sleeve & (np.abs(v[:, 0]) < cuff))
    shirt |= (region == "neck") & (v[:, 1] < joint["neck"][1] - 0.055)
    colours[shirt] = SHIRT
    colours[(torso & (v[:, 1] < waist)) | legs] = TROUSERS
    colours[torso & (np.abs(v[:, 1] - waist + 0.012) < 0.016)] = BELT
    feet = np.isin(region, ["left_foot", "right_foot"]) | (legs & (v[:, 1] < joint["left_ankle"][1] + 0.03))
    colours[feet] = SHOES


def _face(colours: Floats, body: BodyModel, v: Floats, head: Bools) -> None:
    points = landmark_points(body)
    eyes = (points["left_eye"] + points["right_eye"]) / 2
    nose = points["nose"]
    behind = nose[2] - v[:, 2]
    # the hairline falls from the forehead, over the temples, to the nape
    line = eyes[1] + np.interp(behind, [0.0, 0.05, 0.085, 0.11, 0.17], [0.062, 0.058, 0.0, -0.02, -0.085])
    colours[head & (v[:, 1] > line)] = HAIR
    for side in ("left", "right"):
        inner, outer = points[f"{side}_eye_inner"], points[f"{side}_eye_outer"]
        brow = head & (v[:, 0] * np.sign(outer[0]) > abs(inner[0]) - 0.004)
        brow &= (v[:, 0] * np.sign(outer[0]) < abs(outer[0]) + 0.004) & (v[:, 2] > nose[2] - 0.06)
        colours[brow & (np.abs(v[:, 1] - eyes[1] - 0.021) < 0.0055)] = HAIR
    mouth = (points["mouth_left"] + points["mouth_right"]) / 2
    across = np.linalg.norm(points["mouth_left"] - points["mouth_right"])
    near = ((v - mouth) / [0.52 * across, 0.0105, 0.025]) ** 2
    colours[head & (near.sum(1) < 1)] = LIPS
    _eyes(colours, body, v, eyes)


def _eyes(colours: Floats, body: BodyModel, v: Floats, middle: Floats) -> None:
    """Eyeballs are the mesh pieces that lie near the eyes; their front is the iris."""
    labels = components(Mesh(v, body.faces))
    for k in range(labels.max() + 1):
        ids = np.unique(body.faces[labels == k])
        size = np.ptp(v[ids], axis=0)
        if size.max() < 0.05 and np.linalg.norm(v[ids].mean(0) - middle) < 0.08:
            centre, radius = v[ids].mean(0), size.max() / 2
            ahead = (v[ids, 2] - centre[2]) / radius
            colours[ids] = np.where((ahead > 0.86)[:, None], IRIS, EYE_WHITE)


def landmark_points(body: BodyModel) -> dict[str, Floats]:
    """Rest-pose places (3,) of the landmarks by name."""
    m = body.landmarks
    points = m.joint_weights @ body.joints_template + m.vertex_weights @ body.v_template[m.vertex_ids]
    return dict(zip(m.names, np.asarray(points, np.float64), strict=True))


def cloth_noise(points: Floats, size: float, seed: int = 3) -> Floats:
    """Smooth random values (n,) around -1..1 at points (n, 3) metres, with features of `size` metres."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(12, 3)) / size
    return np.asarray(np.sin(points @ directions.T + rng.uniform(0, 7, 12)).mean(1) * 1.8)


def box_mesh(size: Floats, step: float = 0.01) -> Mesh:
    """A closed box around the origin, cut into squares of about `step` metres to carry colours."""
    half = np.asarray(size, np.float64) / 2
    vertices, faces, offset = [], [], 0
    for axis in range(3):
        b, c = (axis + 1) % 3, (axis + 2) % 3
        nb, nc = (max(int(round(2 * half[k] / step)), 1) for k in (b, c))
        u, w = np.meshgrid(np.linspace(-1, 1, nb + 1), np.linspace(-1, 1, nc + 1), indexing="ij")
        index = np.arange((nb + 1) * (nc + 1)).reshape(nb + 1, nc + 1)
        corners = [index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]]
        quads = np.stack([q.ravel() for q in corners], axis=1)
        for sign in (1.0, -1.0):
            side = np.zeros((index.size, 3))
            side[:, axis], side[:, b], side[:, c] = (
                sign * half[axis],
                u.ravel() * half[b],
                w.ravel() * half[c],
            )
            ordered = quads if sign > 0 else quads[:, ::-1]
            vertices.append(side)
            faces.append(np.concatenate([ordered[:, [0, 1, 2]], ordered[:, [0, 2, 3]]]) + offset)
            offset += len(side)
    return Mesh(np.concatenate(vertices), np.concatenate(faces))


def box_colours(mesh: Mesh, size: Floats) -> Floats:
    """Cardboard with a band of tape over top and front, flaps, a printed label and handle holes."""
    half = np.asarray(size) / 2
    p = mesh.vertices
    grain = 1 + 0.04 * cloth_noise(p, 0.02, 5) + 0.05 * cloth_noise(p * [1, 0.2, 1], 0.008, 6)
    colours = np.tile(CARDBOARD, (len(p), 1)) * grain[:, None]
    top, front, back = p[:, 1] > half[1] - 1e-6, p[:, 2] > half[2] - 1e-6, p[:, 2] < -half[2] + 1e-6
    side = np.abs(p[:, 0]) > half[0] - 1e-6
    high = p[:, 1] > half[1] - 0.085
    colours[(np.abs(p[:, 0]) < 0.028) & (top | ((front | back) & high))] = TAPE
    colours[top & (np.abs(p[:, 0]) < 0.004)] *= 0.75
    colours[side & (np.abs(p[:, 1] - half[1] + 0.075) < 0.016) & (np.abs(p[:, 2]) < 0.045)] = INK
    label = front & (np.abs(p[:, 0] - 0.095) < 0.052) & (np.abs(p[:, 1] + 0.055) < 0.042)
    colours[label] = [0.93, 0.92, 0.88]
    colours[label & (np.mod(p[:, 1] + 0.2, 0.024) < 0.0095) & (p[:, 0] > 0.055)] = INK
    arrows = front & (np.abs(p[:, 0] + 0.11) < 0.012) & (np.abs(p[:, 1] + 0.05) < 0.04)
    colours[arrows] = INK
    edge = (np.abs(np.abs(p) - half) < 0.006).sum(1) >= 2
    colours[edge] *= 1.06
    return np.asarray(np.clip(colours, 0, 1))
