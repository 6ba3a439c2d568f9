#!/usr/bin/env python3
"""Fit `scorehoi_ros/body/landmark_shares.py`: where on the free body MediaPipe sees its landmarks.

Renders the body in motion-captured poses with random shapes, clothes, light, heading and camera, runs the
MediaPipe detector on the pictures, and solves for the shares of joints and skin points whose projections
agree.
Two thirds of the pictures are fitted, one third tests.  Prints a report and writes the table to --out:

    python tools/calibrate_landmarks.py --poses POSES.npz --hands HANDS.npz

POSES.npz: `poses` (n, 22, 3) axis-angle of SMPL's body joints, y up.  HANDS.npz: `poses` (n, 15, 3) in
SMPL-H's order and `side` (n,) true = right.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.spatial.transform import Rotation

from scorehoi_ros.assets import model_file
from scorehoi_ros.body.asset_file import read_asset, read_meta
from scorehoi_ros.body.landmarks import LANDMARK_NAMES, nominal_terms
from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.skeleton import JOINT_INDEX, SIDES, mirror_name
from scorehoi_ros.files import whole_file
from scorehoi_ros.perception.human.detector import MediapipeHuman
from scorehoi_ros.render.shading import KEY_LIGHT, Light, Surface, draw

SIZE = 640
TO_CAMERA = np.diag([1.0, -1.0, -1.0])
RIDGE = 0.3
"""Squared pixels that one unit of share costs for each picture; keeps shares near the nominal ones."""

EXTRA_SOURCES: dict[str, tuple[str, ...]] = {
    "nose": ("head", "neck"),
    **{f"left_eye{part}": ("head", "@nose", "@left_ear") for part in ("_inner", "", "_outer")},
    "left_ear": ("head", "@nose", "@left_eye"),
    "mouth_left": ("@nose", "head", "@left_ear"),
    "left_shoulder": ("left_collar", "neck", "left_elbow", "spine3", "right_shoulder"),
    "left_elbow": ("left_shoulder", "left_wrist"),
    "left_wrist": ("left_elbow", "left_middle1", "left_pinky1"),
    "left_hip": ("right_hip", "spine1", "left_knee", "pelvis", "spine3"),
    "left_knee": ("left_hip", "left_ankle"),
    "left_ankle": ("left_knee", "left_foot", "@left_heel"),
    "left_heel": ("left_ankle", "@left_big_toe"),
    "left_foot_index": ("left_foot", "left_ankle"),
    "left_pinky": ("left_pinky2", "left_wrist", "left_index1"),
    "left_index": ("left_index2", "left_wrist", "left_pinky1"),
    "left_thumb": ("left_thumb3", "left_thumb1", "left_wrist"),
    "left_hand_wrist": ("left_elbow", "left_middle1", "left_index1", "left_pinky1"),
    "left_hand_thumb_cmc": ("left_wrist", "left_thumb2", "left_index1"),
    "left_hand_thumb_mcp": ("left_thumb1", "left_thumb3", "left_index1"),
    "left_hand_thumb_ip": ("left_thumb2", "@left_thumb_tip"),
    "left_hand_thumb_tip": ("left_thumb3", "left_thumb2"),
}
"""What may be mixed into a landmark of the left side besides its nominal terms."""
for _finger, _beside in (("index", "middle"), ("middle", "ring"), ("ring", "middle"), ("pinky", "ring")):
    _hand, _joint = f"left_hand_{_finger}", f"left_{_finger}"
    EXTRA_SOURCES[f"{_hand}_mcp"] = ("left_wrist", f"{_joint}2", f"left_{_beside}1")
    EXTRA_SOURCES[f"{_hand}_pip"] = (f"{_joint}1", f"{_joint}3")
    EXTRA_SOURCES[f"{_hand}_dip"] = (f"{_joint}2", f"@{_joint}_tip")
    EXTRA_SOURCES[f"{_hand}_tip"] = (f"{_joint}3", f"{_joint}2")


@dataclass(frozen=True)
class Sample:
    """One detected picture: body points in the camera frame and what the detector saw."""

    joints: np.ndarray
    anchors: dict[str, np.ndarray]
    K: np.ndarray
    pixels: np.ndarray
    confidence: np.ndarray
    scale: float
    """Full-image pixels to pixels of a 256-pixel crop."""


def random_pose(rng: np.random.Generator, body: BodyModel, poses: np.ndarray, hands: dict) -> np.ndarray:
    """(52, 3, 3) rotations of a captured pose with a new heading, seen by a camera that is nearly level."""
    vectors = np.zeros((52, 3))
    vectors[:22] = poses[rng.integers(len(poses))]
    vectors[22:] = body.hand_mean
    for start, right in ((22, False), (37, True)):
        if rng.random() < 0.7:
            choices = np.flatnonzero(hands["side"] == right)
            vectors[start : start + 15] = hands["poses"][rng.choice(choices)] * rng.uniform(0.3, 1)
    forward = Rotation.from_rotvec(vectors[0]).as_matrix()[:, 2]
    heading = np.degrees(np.arctan2(forward[0], forward[2]))
    turn = Rotation.from_euler("yx", [rng.normal(0, 55) - heading, rng.uniform(-5, 20)], degrees=True)
    rotations = Rotation.from_rotvec(vectors).as_matrix()
    rotations[0] = TO_CAMERA @ turn.as_matrix() @ rotations[0]
    return rotations


def clothes(rng: np.random.Generator, body: BodyModel, anchors: dict[str, int]) -> np.ndarray:
    """(V, 3) colours: skin, hair, eyes, lips, shirt, trousers, shoes."""
    skin = np.array([[0.88, 0.67, 0.55], [0.78, 0.53, 0.39], [0.55, 0.33, 0.24], [0.94, 0.78, 0.67]])
    hair = np.array([[0.12, 0.09, 0.07], [0.31, 0.22, 0.14], [0.59, 0.47, 0.27]])[rng.integers(3)]
    colours = np.tile(skin[rng.integers(4)], (len(body.v_template), 1))
    names = np.array(body.region_names)[body.regions]
    shirt = ["chest", "belly", "upper_back", "lower_back", "left_upper_arm", "right_upper_arm"]
    if rng.random() < 0.5:
        shirt += ["left_forearm", "right_forearm"]
    trousers = [f"{side}_{part}" for side in SIDES for part in ("thigh", "calf")] + ["buttocks"]
    colours[np.isin(names, shirt)] = rng.uniform(0.08, 0.92, 3)
    legs = rng.uniform(0.06, 0.63, 3)
    waist = body.joints_template[0, 1] + 0.02
    colours[np.isin(names, trousers) | ((names == "belly") & (body.v_template[:, 1] < waist))] = legs
    colours[np.isin(names, ["left_foot", "right_foot"])] = rng.uniform(0.08, 0.86, 3)
    paint_head(
        colours, body.v_template, names == "head", body.joints_template[JOINT_INDEX["head"]], anchors, hair
    )
    return colours


def paint_head(
    colours: np.ndarray,
    vertices: np.ndarray,
    head: np.ndarray,
    joint: np.ndarray,
    anchors: dict[str, int],
    hair: np.ndarray,
) -> None:
    """Hair on top and behind, brows, white eyes with dark pupils, lips."""
    x, y, z = vertices.T
    colours[head & ((y > y[head].max() - 0.055) | ((z < joint[2] + 0.03) & (y > joint[1] - 0.02)))] = hair
    for side in SIDES:
        eye = vertices[anchors[f"{side}_eye"]]
        distance = np.linalg.norm(vertices - eye, axis=1)
        colours[distance < 0.012] = 0.92
        colours[distance < 0.0055] = (0.16, 0.10, 0.08)
        brow = (np.abs(y - eye[1] - 0.022) < 0.004) & (np.abs(x - eye[0]) < 0.022) & (z > eye[2] - 0.02)
        colours[head & brow] = 0.8 * hair
    corners = vertices[[anchors["mouth_left"], anchors["mouth_right"]]]
    lips = (np.abs(y - corners[:, 1].mean()) < 0.008) & (np.abs(x) < corners[0, 0])
    colours[head & lips & (z > corners[:, 2].mean() - 0.005)] = (0.67, 0.31, 0.31)


def picture(
    rng: np.random.Generator, body: BodyModel, vertices: np.ndarray, colours: np.ndarray, K: np.ndarray
) -> np.ndarray:
    """(640, 640, 3) uint8 of the body before a soft random background."""
    light = Light(KEY_LIGHT * [rng.uniform(-2, 2), 1, rng.uniform(0.5, 2)], np.array([0.0, -1.0, 0.0]))
    layer = draw([Surface(vertices, body.faces, colours)], K, SIZE, SIZE, light)
    noise = rng.normal(0, 1, (SIZE // 8, SIZE // 8, 3))
    noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), rng.uniform(1, 6)), float)
    noise *= rng.uniform(0.02, 0.1) / noise.std()
    back = cv2.resize(noise, (SIZE, SIZE)) + rng.uniform(0.35, 0.85, 3)
    image = layer.alpha[..., None] * layer.rgb + (1 - layer.alpha[..., None]) * back
    return np.clip(255 * image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


def collect(args: argparse.Namespace) -> list[Sample]:
    """Render and detect; pictures in which nobody is found are left out."""
    path = model_file("body_anny.npz")
    body, anchors = read_asset(path), read_meta(path)["anchors"]
    layer, rng, samples = BodyLayer(body), np.random.default_rng(args.seed), []
    poses = np.load(args.poses)["poses"].astype(np.float64)
    hands = dict(np.load(args.hands))
    with MediapipeHuman() as detector:
        for _ in range(args.images):
            rotations = torch.as_tensor(random_pose(rng, body, poses, hands)[None]).float()
            betas = torch.as_tensor(np.clip(rng.normal(size=(1, 10)), -2, 2)).float()
            with torch.no_grad():
                posed = [
                    out[0].numpy().astype(np.float64) for out in layer(rotations, betas, torch.zeros(1, 3))
                ]
            vertices, joints = posed
            extent = np.ptp(vertices[:, :2], axis=0).max()
            focal, share = SIZE * rng.uniform(0.9, 1.6), rng.uniform(0.6, 0.85)
            distance = focal * extent / (SIZE * share)
            shift = np.array([0, 0, distance]) - (vertices.max(axis=0) + vertices.min(axis=0)) / 2
            K = np.array([[focal, 0, (SIZE - 1) / 2], [0, focal, (SIZE - 1) / 2], [0, 0, 1]])
            found = detector.detect(picture(rng, body, vertices + shift, clothes(rng, body, anchors), K))
            if found is not None:
                points = {name: vertices[vertex] + shift for name, vertex in anchors.items()}
                seen = found.landmarks
                scale = 256 / (1.25 * share * SIZE)
                samples.append(Sample(joints + shift, points, K, seen.pixels, seen.confidence, scale))
    return samples


def residual_rows(samples: list[Sample], row: int, sources: list[str]) -> np.ndarray:
    """(n, 2, k) A: for shares c that sum to 1, A @ c is nearly the reprojection error in crop pixels."""
    rows = []
    for s in samples:
        if s.confidence[row] > 0.5:
            points = [s.anchors[n[1:]] if n[0] == "@" else s.joints[JOINT_INDEX[n]] for n in sources]
            image = np.array(points) @ s.K.T
            rows.append((image[:, :2] - s.pixels[row] * image[:, 2:]).T / image[0, 2] * s.scale)
    return np.array(rows).reshape(-1, 2, len(sources))


def both_sides(samples: list[Sample], name: str, sources: list[str]) -> np.ndarray:
    """Residual rows of a landmark and of its mirror partner, which shares its coefficients."""
    rows = [residual_rows(samples, LANDMARK_NAMES.index(name), sources)]
    if mirror_name(name) != name:
        other = [mirror_name(source) for source in sources]
        rows.append(residual_rows(samples, LANDMARK_NAMES.index(mirror_name(name)), other))
    return np.concatenate(rows)


def fit(rows: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Shares near ``start`` with the smallest sum of absolute errors, by reweighted least squares."""
    free = np.vstack([-np.ones(len(start) - 1), np.eye(len(start) - 1)])
    shares = start
    for _ in range(20):
        weight = 1 / np.maximum(np.linalg.norm(rows @ shares, axis=1), 2.0)
        slope, target = rows @ free, -rows @ start
        normal = np.einsum("nik,nil,n->kl", slope, slope, weight) + RIDGE * len(rows) * np.eye(free.shape[1])
        shares = start + free @ np.linalg.solve(normal, np.einsum("nik,ni,n->k", slope, target, weight))
    return shares


def median_error(rows: np.ndarray, shares: np.ndarray) -> float:
    """Median reprojection error in pixels of a 256-pixel crop."""
    return float(np.median(np.linalg.norm(rows @ shares, axis=1)))


def fit_all(samples: list[Sample]) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Shares of every landmark of the left side and the middle, and a report."""
    test, train = samples[::3], [s for i, s in enumerate(samples) if i % 3]
    table, report, errors = {}, [], []
    for name, extra in EXTRA_SOURCES.items():
        nominal = nominal_terms()[name]
        sources = [*nominal, *extra]
        start = np.array([nominal.get(source, 0.0) for source in sources])
        shares = np.round(fit(both_sides(train, name, sources), start), 3)
        shares[0] = round(1 - shares[1:].sum(), 3)
        rows = both_sides(test, name, sources)
        errors.append((median_error(rows, start), median_error(rows, shares)))
        report.append(f"{name:24} {len(rows):4} points  {errors[-1][0]:5.2f} -> {errors[-1][1]:5.2f} px")
        table[name] = {source: float(share) for source, share in zip(sources, shares, strict=True) if share}
    hand = np.array([name.startswith("left_hand") for name in table])
    for label, chosen in (("body", ~hand), ("hands", hand)):
        before, after = np.array(errors)[chosen].mean(axis=0)
        report.append(
            f"{label}: mean of the medians {before:.2f} -> {after:.2f} px at 256-pixel crop, held out"
        )
    return table, report


HEADER = '''"""Where on the free body MediaPipe sees its landmarks: shares of joints and ("@") of skin points.

Written by tools/calibrate_landmarks.py; the right side mirrors the left.
"""

SHARES: dict[str, dict[str, float]] = {
'''


def write_table(path: Path, table: dict[str, dict[str, float]]) -> None:
    """Write the table as a Python module."""
    lines = []
    for name, shares in table.items():
        lines += [f'    "{name}": {{', *(f'        "{n}": {share},' for n, share in shares.items()), "    },"]
    with whole_file(path) as temporary:
        temporary.write_text(HEADER + "\n".join(lines) + "\n}\n")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--poses", type=Path, required=True)
    parser.add_argument("--hands", type=Path, required=True)
    parser.add_argument("--images", type=int, default=420)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("scorehoi_ros/body/landmark_shares.py"))
    args = parser.parse_args()
    samples = collect(args)
    table, report = fit_all(samples)
    write_table(args.out, table)
    sys.stdout.write("\n".join([f"{len(samples)} of {args.images} pictures", *report]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
