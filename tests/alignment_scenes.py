"""A person with a box, as an alignment sees it: what is true, what a network might say of it."""

from dataclasses import replace

import cv2
import numpy as np
import torch
from scipy.spatial.transform import Rotation

from scorehoi_ros.alignment.rig import make_rig
from scorehoi_ros.alignment.state import Belief, Sigma, State, decode
from scorehoi_ros.alignment.target import Contacts, Region, Target, shape_of
from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.points import HumanPoints, PosedBody
from scorehoi_ros.frame.evidence import distance_outside
from scorehoi_ros.geometry.rotation import axis_angle_to_matrix, matrix_to_rotation_6d
from scorehoi_ros.geometry.sdf import sample_torch
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.render.fast import draw_fast, project_fast

SIZE, FOCAL = 128, 1.3
K = np.array([[FOCAL * SIZE, 0, SIZE / 2 - 0.5], [0, FOCAL * SIZE, SIZE / 2 - 0.5], [0, 0, 1]])
P = K @ Rotation.from_rotvec([0.05, 0.1, 0]).as_matrix()
SIGMA = Sigma(
    np.full((52, 6), 0.08),
    np.full(10, 0.7),
    np.array([0.02, 0.02, 0.05]),
    np.array([0.04, 0.04, 0.1]),
    np.full(3, 0.2),
)
BODY = free_body()
RIG = make_rig(BODY)
POSED = PosedBody(BODY, dtype=torch.float64)
TEMPLATE = load_template("box:0.3x0.2x0.2")
SHAPE = shape_of(TEMPLATE)


def truth(seed: int = 0, hypotheses: int = 1) -> Belief:
    """A belief that is right: somebody facing the camera at 2.6 m, the box at the chest."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 0.2, (52, 3))
    pose[0] = np.pi - 0.1, 0.2, 0.1
    theta = matrix_to_rotation_6d(axis_angle_to_matrix(torch.tensor(pose))).numpy()
    camera, place = np.array([0.05, 0.05, np.log(2.6 / FOCAL)]), np.array([0.07, -0.2, -0.2])
    turns = Rotation.random(hypotheses, random_state=seed).as_matrix()
    return Belief(theta, rng.normal(0, 0.7, 10), camera, place, turns, SIGMA)


def state_of(belief: Belief, u: np.ndarray | None = None) -> State:
    """The state (H, ...) of a belief, at its means or at u (H, 331)."""
    means = torch.tensor(belief.means())
    steps = torch.zeros_like(means) if u is None else torch.tensor(u)
    return decode(steps, means, torch.tensor(belief.sigma.flat()), torch.tensor(belief.rotations), FOCAL)


def points_of(state: State) -> HumanPoints:
    return POSED(state.theta, state.betas, state.root)


def region(mask: np.ndarray, allowed: np.ndarray, rng: np.random.Generator) -> Region:
    pixels = rng.permutation(np.argwhere(mask)[:, ::-1])[:120]
    return Region(distance_outside(allowed), pixels.astype(float))


def project(points: np.ndarray) -> np.ndarray:
    p = points @ P.T
    return p[:, :2] / p[:, 2:]


def masks(state: State) -> tuple[np.ndarray, np.ndarray]:
    """Human and object (128, 128) of the first state: the human as a blot around each token."""
    human = np.zeros((SIZE, SIZE), np.uint8)
    for x, y in project(points_of(state).tokens[0].numpy()):
        cv2.circle(human, (round(float(x)), round(float(y))), 3, (1.0,), -1)
    vertices = TEMPLATE.mesh.vertices @ state.R_o[0].numpy().T + state.origin[0].numpy()
    thing = draw_fast(project_fast(vertices @ P.T, np.eye(3)), TEMPLATE.mesh.faces, SIZE, SIZE)[0] > 0
    return (human > 0) & ~thing, thing


def target_of(belief: Belief, seed: int = 0) -> Target:
    """What the camera sees of the first state of a belief, every part given."""
    rng, state = np.random.default_rng(seed), state_of(belief)
    seen, (human, thing) = points_of(state), masks(state)
    grid, local = TEMPLATE.sdf, (seen.tokens[0] - state.origin[0]) @ state.R_o[0]
    field = torch.tensor(grid.values, dtype=torch.float64), torch.tensor(grid.origin)
    touching = (sample_torch(*field, grid.spacing, local).abs() < 0.02).double().numpy()
    placed = torch.tensor(TEMPLATE.points) @ state.R_o[0].T + state.origin[0]
    near = (torch.cdist(placed, seen.tokens[0]).amin(1) < 0.05).double().numpy()
    floor = np.array([0.0, -1.0, 0.0, float(-placed[:, 1].max())])
    low = (placed[:, 1] > placed[:, 1].max() - 0.02).double().numpy()
    return Target(
        P,
        SIZE,
        FOCAL,
        landmarks=project(seen.landmarks[0].numpy()),
        confidence=rng.uniform(0.5, 1, 75),
        human=region(human, human | thing, rng),
        object=region(thing, human | thing, rng),
        contacts=Contacts(touching, near, low),
        floor=floor,
        pelvis_depth=float(state.root[0, 2]),
        object_depth=float(state.origin[0, 2]),
    )


def wrong(belief: Belief, seed: int, hypotheses: int = 1, size: float = 1.0) -> Belief:
    """A belief that errs by `size` standard deviations, each hypothesis near the first rotation."""
    rng = np.random.default_rng(seed)
    s, start = belief.sigma, belief.rotations[0]
    turns = Rotation.from_rotvec(rng.normal(0, size, (hypotheses, 3)) * s.turn).as_matrix() @ start
    moved = {
        name: getattr(belief, name) + rng.normal(0, size, np.shape(getattr(s, name))) * getattr(s, name)
        for name in ("theta", "betas", "camera", "place")
    }
    return replace(belief, rotations=turns, **moved)
