"""Make the demo's motion from a walk of the CMU motion capture: arms solved so that both hands hold a box.

    python tools/build_demo_motion.py --corpus smpl_pose_corpus.npz --out models/demo/motion.npz

World frame: x to the right of the picture, y up, z towards the viewer, floor at y = 0.  The legs, spine and
head come from the capture; the root is moved so that the standing foot does not slide.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation, Slerp

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.load import load_body
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.skeleton import JOINT_INDEX
from scorehoi_ros.demo.feet import bent_toes, flat_feet, planted_root
from scorehoi_ros.demo.grip import hold_box
from scorehoi_ros.demo.motion import BOX_SIZE_M, FRAME_RATE_HZ, Motion, save_motion
from scorehoi_ros.errors import InputError
from scorehoi_ros.types import Floats

CLIP = "cmu_09_12"
FIRST_S, LAST_S = 0.2, 4.45
SPEED = 0.83
"""Somebody who carries something walks a little slower than the capture."""
YAW_DEG = -38.0
BODY_JOINTS = 22
FINGER_CURL = np.array(([0.45] * 12 + [0.2] * 3) * 2)[:, None]
"""Share of the relaxed hand's curl, flatter to lie on a face; thumbs spread."""
BETAS = np.array([0.4, -0.5, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
BOX_AHEAD_M, BOX_ABOVE_M = 0.37, 0.13
"""Centre of the box in front of and above the pelvis joint."""


def read_capture(path: Path) -> Floats:
    """The clip cut, resampled and turned, (T, 22, 3, 3); raises InputError when the file does not hold it."""
    with np.load(path, allow_pickle=False) as data:
        clips = [c["name"] for c in json.loads(bytes(data["clips"]))]
        if CLIP not in clips:
            raise InputError(f"{path} has no clip named {CLIP}. Give the corpus with the CMU walks.")
        rows = data["clip"] == clips.index(CLIP)
        seconds = data["t"][rows] / 20.0
        poses = data["poses"][rows].astype(np.float64)
    times = np.arange(FIRST_S, LAST_S, SPEED / FRAME_RATE_HZ)
    turn = Rotation.from_euler("y", YAW_DEG, degrees=True)
    rotations = [
        Slerp(seconds, Rotation.from_rotvec(poses[:, j]))(times).as_matrix() for j in range(BODY_JOINTS)
    ]
    rotations[0] = turn.as_matrix() @ rotations[0]
    return np.stack(rotations, axis=1)


def steady(rotations: Floats, sigma: float) -> Floats:
    """Rotations (T, 3, 3) smoothed over time."""
    mean = gaussian_filter1d(rotations, sigma, axis=0, mode="nearest")
    U, _, Vt = np.linalg.svd(mean)
    return np.asarray(U @ Vt)


def full_pose(capture: Floats, body: BodyModel) -> Floats:
    """(T, 52, 3, 3): the capture with a quieter head, relaxed hands and arms ready to hold something."""
    count = len(capture)
    pose = np.tile(np.eye(3), (count, 52, 1, 1))
    pose[:, :BODY_JOINTS] = capture
    pose[:, BODY_JOINTS:] = Rotation.from_rotvec(body.hand_mean * FINGER_CURL).as_matrix()
    for name in ("neck", "head"):  # the capture's head pitch is not reliable
        vector = Rotation.from_matrix(pose[:, JOINT_INDEX[name]]).as_rotvec() * 0.3
        pose[:, JOINT_INDEX[name]] = Rotation.from_rotvec(vector).as_matrix()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        pose[:, JOINT_INDEX[f"{side}_collar"]] = np.eye(3)
        pose[:, JOINT_INDEX[f"{side}_wrist"]] = np.eye(3)
        down = Rotation.from_euler("zx", [-72 * sign, 8], degrees=True)
        pose[:, JOINT_INDEX[f"{side}_shoulder"]] = down.as_matrix()
        bend = Rotation.from_euler("yx", [-80 * sign, 40], degrees=True)
        pose[:, JOINT_INDEX[f"{side}_elbow"]] = bend.as_matrix()
    return pose


def posed(body: BodyModel, pose: Floats, root: Floats) -> tuple[Floats, Floats]:
    """Vertices (T, V, 3) and joints (T, 52, 3)."""
    layer = BodyLayer(body)
    vertices, joints = [], []
    with torch.no_grad():
        for k in range(len(pose)):
            v, j = layer(*(torch.as_tensor(a[None], dtype=torch.float32) for a in (pose[k], BETAS, root[k])))
            vertices.append(v[0].numpy())
            joints.append(j[0].numpy())
    return np.stack(vertices).astype(np.float64), np.stack(joints).astype(np.float64)


def box_path(pose: Floats, joints: Floats) -> Floats:
    """(T, 4, 4) `T_world_box`: carried in front of the body, swaying, raised and lowered on the way."""
    count = len(pose)
    chest = steady(pose[:, 0] @ pose[:, 3] @ pose[:, 6] @ pose[:, 9], 1.2)
    forward = chest[:, :, 2] * [1, 0, 1]
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    up = np.array([0.0, 1.0, 0.0])
    upright = np.stack([np.cross(up, forward), np.tile(up, (count, 1)), forward], axis=2)
    phase = np.linspace(0, 1, count)
    tilt = Rotation.from_euler(
        "xz", np.c_[4 + 7 * np.sin(2 * np.pi * phase), 5 * np.sin(2 * np.pi * 1.5 * phase)], degrees=True
    )
    lift = 0.05 * np.sin(2 * np.pi * (phase - 0.15)) + 0.01
    T = np.tile(np.eye(4), (count, 1, 1))
    T[:, :3, :3] = upright @ tilt.as_matrix()
    carried = gaussian_filter1d(joints[:, JOINT_INDEX["spine3"]], 0.8, axis=0, mode="nearest")
    carried[:, 1] = gaussian_filter1d(joints[:, 0, 1], 2.0, mode="nearest") + BOX_ABOVE_M + lift
    T[:, :3, 3] = carried + BOX_AHEAD_M * forward
    return T


def build(corpus: Path, body: BodyModel) -> Motion:
    """The whole motion; about a minute."""
    pose = flat_feet(full_pose(read_capture(corpus), body))
    still = np.zeros((len(pose), 3))
    pose = bent_toes(body, pose, posed(body, pose, still)[0])
    root = planted_root(body, posed(body, pose, still)[0])
    _, joints = posed(body, pose, root)
    T_world_box = box_path(pose, joints)
    pose = hold_box(body, BETAS, pose, root, T_world_box, np.array(BOX_SIZE_M))
    middle = np.r_[T_world_box[:, :3, 3], root].mean(0) * [1, 0, 1]
    root, T_world_box = root - middle, T_world_box.copy()
    T_world_box[:, :3, 3] -= middle
    vectors = Rotation.from_matrix(pose.reshape(-1, 3, 3)).as_rotvec().reshape(-1, 52, 3)
    return Motion(vectors, root, T_world_box, BETAS)


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--body", default="")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    save_motion(args.out, build(args.corpus, load_body(args.body)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
