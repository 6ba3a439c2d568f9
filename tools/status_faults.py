"""Faults that perception has as people bring it, put on one frame of a scene with known truth."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from scorehoi_ros.body.landmarks import LANDMARK_NAMES
from scorehoi_ros.types import Bools, Box, Camera, Frame, Landmarks, Masks, Prompt

RATES = {
    "own_human": 0.3,
    "own_object": 0.3,
    "gravity": 0.5,
    "height": 0.2,
    "prompt": 0.5,
    "focal": 0.06,
    "shifted": 0.04,
    "cut": 0.04,
    "grown": 0.04,
    "taken": 0.04,
    "elsewhere": 0.04,
    "limb_moved": 0.06,
    "turned_round": 0.03,
    "somebody_else": 0.03,
    "depth_wrong": 0.04,
    "limbs_unseen": 0.06,
    "size": 0.06,
    "other": 0.04,
}
"""Chances, 0..1, each by its own dice; two in five frames have a fault, `focal` or below."""
_LIMBS = [
    [i for i, name in enumerate(LANDMARK_NAMES) if name.startswith(side) and name.endswith(ends)]
    for ends in (("elbow", "wrist", "pinky", "index", "thumb"), ("knee", "ankle", "heel", "foot_index"))
    for side in ("left", "right")
]
_SWAP = {"left": "right", "right": "left"}
_MIRRORED = [
    LANDMARK_NAMES.index("_".join(_SWAP.get(word, word) for word in name.split("_")))
    for name in LANDMARK_NAMES
]
"""Row of the other side's landmark."""


@dataclass(frozen=True)
class Seen:
    """What is told of one frame, with what is wrong about it."""

    frame: Frame
    landmarks: Landmarks
    human_mask: Bools | None
    """What the detector says where the frame has no mask."""
    prompt: Prompt | None


def dice(rng: np.random.Generator) -> set[str]:
    """Which of `RATES` happen."""
    return {name for name, rate in RATES.items() if rng.random() < rate}


def with_faults(
    frame: Frame, landmarks: Landmarks, thing: Bools, happen: set[str], rng: np.random.Generator
) -> Seen:
    """`frame` has the masks of a segmenter; `thing` (H, W) is the true mask of the object."""
    human, found = frame.masks.human, frame.masks.object
    if found is not None:
        found = _object_faults(found, human, happen, rng)
    if human is not None and "shifted" in happen and rng.random() < 0.5:
        human = _moved(human, 0.15 * _side(human), rng)
    if human is not None and "cut" in happen and rng.random() < 0.5:
        human = _halved(human, rng)
    if human is not None and found is not None and "taken" in happen and rng.random() < 0.5:
        human = human | found
    masks = Masks(None if "own_human" in happen else human, None if "own_object" in happen else found)
    prompt = None
    if "own_object" in happen and "prompt" in happen and thing.any():
        prompt = Prompt(box=_loose_box(thing, rng))
    camera = frame.camera
    if "focal" in happen:
        camera = _refocused(camera, float(np.exp(rng.choice([-1, 1]) * rng.uniform(0.15, 0.35))))
    landmarks = _limb_faults(landmarks, happen, rng)
    return Seen(replace(frame, masks=masks, camera=camera), landmarks, human, prompt)


def _object_faults(mask: Bools, human: Bools | None, happen: set[str], rng: np.random.Generator) -> Bools:
    side = _side(mask)
    if "shifted" in happen:
        mask = _moved(mask, rng.uniform(0.15, 0.5) * side, rng)
    if "cut" in happen:
        mask = _halved(mask, rng)
    if "grown" in happen:
        size = 2 * int(rng.uniform(0.05, 0.2) * side) + 1
        change = cv2.dilate if rng.random() < 0.7 else cv2.erode
        mask = change(mask.astype(np.uint8), np.ones((size, size), np.uint8)).astype(bool)
    if "taken" in happen and human is not None:
        size = 2 * int(rng.uniform(0.2, 0.8) * side) + 1
        mask = mask | (
            cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8)).astype(bool) & human
        )
    if "elsewhere" in happen:
        mask = _moved(mask, rng.uniform(1.0, 4.0) * side, rng)
    return mask


def _side(mask: Bools) -> float:
    return float(np.sqrt(mask.sum()))


def _moved(mask: Bools, length: float, rng: np.random.Generator) -> Bools:
    angle = rng.uniform(0, 2 * np.pi)
    by = np.array([[1, 0, length * np.cos(angle)], [0, 1, length * np.sin(angle)]])
    size = mask.shape[1], mask.shape[0]
    return cv2.warpAffine(mask.astype(np.uint8), by, size, flags=cv2.INTER_NEAREST).astype(bool)


def _halved(mask: Bools, rng: np.random.Generator) -> Bools:
    """Without what lies beyond a line through it."""
    points = np.argwhere(mask)
    if not len(points):
        return mask
    angle = rng.uniform(0, 2 * np.pi)
    reach = points @ [np.sin(angle), np.cos(angle)]
    lost = points[reach > np.quantile(reach, rng.uniform(0.4, 0.8))]
    kept = mask.copy()
    kept[lost[:, 0], lost[:, 1]] = False
    return kept


def _loose_box(mask: Bools, rng: np.random.Generator) -> Box:
    """The mask's box as somebody draws it."""
    ys, xs = np.nonzero(mask)
    x0, y0, x1, y1 = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
    off = rng.normal(0, 0.05, 4) * np.array([x1 - x0, y1 - y0, x1 - x0, y1 - y0])
    return Box(x0 + off[0], y0 + off[1], x1 + off[2] + 1, y1 + off[3] + 1)


def _refocused(camera: Camera, factor: float) -> Camera:
    K = np.array(camera.K)
    K[0, 0], K[1, 1] = K[0, 0] * factor, K[1, 1] * factor
    return replace(camera, K=K)


def _limb_faults(landmarks: Landmarks, happen: set[str], rng: np.random.Generator) -> Landmarks:
    pixels, confidence, world = landmarks.pixels.copy(), landmarks.confidence.copy(), landmarks.world.copy()
    extent = float(np.ptp(pixels[:33], axis=0).max())
    rows = _LIMBS[int(rng.integers(4))]
    step = rng.normal(0, 0.15, 2)
    if "limb_moved" in happen:
        pixels[rows] += step * extent
        world[rows, :2] += step * 1.7
    if "turned_round" in happen:
        pixels, confidence, world = pixels[_MIRRORED], confidence[_MIRRORED], world[_MIRRORED]
        world[:, 2] *= -1
    if "somebody_else" in happen:
        middle = pixels[:33].mean(0)
        pixels = middle + (pixels - middle) * rng.uniform(0.6, 1.1) + rng.normal(0, 0.2, 2) * extent
    if "depth_wrong" in happen:
        for limb in _LIMBS:
            world[limb, 2] += rng.normal(0, 0.25)
    for limb in _LIMBS:
        if "limbs_unseen" in happen and rng.random() < 0.6:
            confidence[limb] *= rng.uniform(0, 0.5)
            pixels[limb] += rng.normal(0, 0.06, 2) * extent
    return Landmarks(pixels, world, confidence)


def scaled_spec(spec: str, factor: float) -> str:
    """The object of the same family, all lengths times `factor`; one without lengths stays."""
    family, _, values = spec.partition(":")
    if not values:
        return spec
    pairs = (pair.split("=") for pair in values.split(","))
    return f"{family}:" + ",".join(
        f"{name}={value if value.isdigit() else float(value) * factor}" for name, value in pairs
    )
