"""Landmarks as the real detector would give them, made from true ones by a model fitted to its errors.

The constants are in `models/detector_noise.json`; `tools/measure_detector_noise.py` measures them by
running the detector on rendered scenes and says how well the model matches.  Errors of body points are in
pixels of a square crop around the person with `CROP_PX` a side, those of hands in palm lengths.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.special import ndtr

from scorehoi_ros.body.landmarks import LANDMARK_NAMES
from scorehoi_ros.body.skeleton import mirror_name
from scorehoi_ros.errors import InputError
from scorehoi_ros.geometry.camera import project
from scorehoi_ros.perception.human.hands import hand_confidence, hand_world, one_hand_twice, pixels_per_metre
from scorehoi_ros.types import Bools, Floats, Ints, Landmarks

FORMAT = "scorehoi-detector-noise-1"
CROP_PX = 256
CROP_MARGIN = 0.2
VISIBLE, SELF_HIDDEN, OBJECT_HIDDEN = range(3)
BODY, HANDS = slice(0, 33), (slice(33, 54), slice(54, 75))
WRISTS, KNUCKLES = (15, 16), (5, 9, 13, 17)
WRIST_ROWS = ([15, 17, 19, 21], [16, 18, 20, 22])
"""Points of the body detector on each hand."""
SHOULDERS, HIPS = (11, 12), (23, 24)
BODY_MIRROR = np.array([LANDMARK_NAMES.index(mirror_name(n)) for n in LANDMARK_NAMES[:33]])
SIDE = np.array(
    [1.0 if n.startswith("left") else -1.0 if n.startswith("right") else 0.0 for n in LANDMARK_NAMES[:33]]
)
LEVELS = np.linspace(0.0, 1.0, 11)
"""Where the quantiles of confidences are taken."""


@dataclass(frozen=True)
class DetectorNoise:
    """Constants of the model; (33, 3) are body points by VISIBLE, SELF_HIDDEN, OBJECT_HIDDEN."""

    bias: Floats
    """(33, 2) away from the body's middle line, and down."""
    sigma: Floats
    """(33, 3)"""
    dof: float
    """Degrees of freedom of Student's t: the tail."""
    scene_sd: float
    """Deviation of the log of a scene's own factor of the errors."""
    common: float
    """Share of the variance that all points of a scene have in common."""
    confidence: Floats
    """(33, 3, 11) quantiles at LEVELS."""
    confidence_common: float
    """Correlation of the confidences of two points of a scene."""
    confidence_slope: float
    """Log of the error per deviation of the confidence, negative."""
    flip: Floats
    """(2,) chance that left and right are taken for each other: person seen from the front, from behind."""
    turn_deg: Floats
    """(3,) deviation of the turn of the world points about x, y, z of the viewing direction."""
    log_scale: Floats
    """(2,) mean and deviation of the log of their size."""
    world_sigma: Floats
    """(33, 3) metres."""
    hand_found: Floats
    """(4,) logit of finding a hand: 1, log2 of the palm in crop pixels, visible share, wrist's confidence."""
    hand_wrist: float
    """Error of the body's wrist where the hand is found, in parts of what it would be otherwise."""
    hand_follow: float
    """Share of the error of the body's wrist that the hand has too."""
    hand_offset: Floats
    """(2,) sigma in palms and degrees of freedom of the rest of the error that all points of a hand share."""
    hand_spread: float
    """Deviation of the log of a hand's own factor of the errors of its points."""
    hand_sigma: Floats
    """(21,) palms, each point of a hand."""
    hand_depth: Floats
    """(2,) factor of the true depth within a hand, and deviation in palms."""


@lru_cache(maxsize=2)
def load_noise(path: str | None = None) -> DetectorNoise:
    """The model in a file, by default the shipped one; raises InputError when it is damaged or another."""
    if path is None:
        from scorehoi_ros.assets import model_file

        path = str(model_file("detector_noise.json"))
    try:
        data: dict[str, Any] = json.loads(Path(path).read_text())
        if data["format"] != FORMAT:
            raise InputError(
                f"{path} has format {data['format']}, this version reads {FORMAT}. Measure it again."
            )
        values = data["model"]
        kinds = DetectorNoise.__dataclass_fields__
        numbers: dict[str, Any] = {
            n: float(v) if kinds[n].type is float else np.array(v, np.float64) for n, v in values.items()
        }
        return DetectorNoise(**numbers)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} cannot be read as a model of the detector's errors: {error!r}. Install the package "
            "again, or run tools/measure_detector_noise.py."
        ) from error


def noisy_landmarks(
    points: Floats,
    states: Ints,
    K: Floats,
    width: int,
    height: int,
    noise: DetectorNoise,
    rng: np.random.Generator,
) -> Landmarks:
    """What the detector would say of a person whose true landmarks are `points` (75, 3), camera frame.

    `states` (75,) say which are hidden, see `DetectorNoise`.  The person is taken to be found at all.
    """
    true = project(points, K)
    side = crop_side(true[BODY])
    z = _normal_scores(states[BODY], noise, rng)
    confidence = np.zeros(75)
    confidence[BODY] = _confidences(states[BODY], z, noise)
    pixels, world = np.zeros((75, 2)), np.zeros((75, 3))
    pixels[BODY] = true[BODY] + _body_errors(true, states[BODY], z, noise, rng) * (side / CROP_PX)
    world[BODY] = _world(points[BODY], true, K, states[BODY], noise, rng)
    if rng.random() < noise.flip[int(from_behind(true))]:
        for values in (pixels, world, confidence):
            values[BODY] = values[BODY][BODY_MIRROR]
    _hands(pixels, world, confidence, points, states, K, side, noise, rng)
    outside = ((pixels < -0.5) | (pixels >= np.array([width, height]) - 0.5)).any(axis=1)
    confidence[outside] = 0.0
    return Landmarks(pixels=pixels, world=world, confidence=confidence)


def crop_side(pixels: Floats) -> float:
    """Side of the square crop around points (n, 2)."""
    return float(np.ptp(pixels, axis=0).max()) * (1 + CROP_MARGIN)


def from_behind(true: Floats) -> bool:
    """Whether the left shoulder and hip are on the left of the image (75, 2)."""
    return bool((true[SHOULDERS[0]] + true[HIPS[0]] - true[SHOULDERS[1]] - true[HIPS[1]])[0] < 0)


def outwards(true: Floats) -> Floats:
    """(33,) sign of image x that leads away from the body's middle line for each body point."""
    return SIDE * (-1.0 if from_behind(true) else 1.0)


def palm_pixels(hand: Floats) -> float:
    """Mean distance of the knuckles from the wrist of hand points (21, 2)."""
    return float(np.linalg.norm(hand[list(KNUCKLES)] - hand[0], axis=1).mean())


def hand_features(true: Floats, states: Ints, confidence: Floats, hand: int, side: float) -> Floats:
    """(4,) what decides whether a hand is found, see `DetectorNoise.hand_found`; `confidence` (75,)."""
    rows = HANDS[hand]
    palm = palm_pixels(true[rows]) * CROP_PX / side
    seen = float((states[rows] == VISIBLE).mean())
    return np.array([1.0, np.log2(max(palm, 0.5)), seen, float(confidence[WRISTS[hand]])])


def facing_turn(true: Floats, K: Floats) -> Floats:
    """(3, 3) from camera axes to those of the direction in which the person is seen."""
    centre = true[[*SHOULDERS, *HIPS]].mean(0)
    ray = np.array([(centre[0] - K[0, 2]) / K[0, 0], (centre[1] - K[1, 2]) / K[1, 1], 1.0])
    return np.asarray(Rotation.align_vectors([[0.0, 0.0, 1.0]], [ray / np.linalg.norm(ray)])[0].as_matrix())


def _normal_scores(states: Ints, noise: DetectorNoise, rng: np.random.Generator) -> Floats:
    """(33,) standard normal, correlated: how well each point is seen."""
    rho = noise.confidence_common
    return np.sqrt(rho) * rng.normal() + np.sqrt(1 - rho) * rng.normal(size=33)


def _confidences(states: Ints, z: Floats, noise: DetectorNoise) -> Floats:
    tables = noise.confidence[np.arange(33), states]
    return np.array([np.interp(u, LEVELS, table) for u, table in zip(ndtr(z), tables, strict=True)])


def _body_errors(
    true: Floats, states: Ints, z: Floats, noise: DetectorNoise, rng: np.random.Generator
) -> Floats:
    """(33, 2) pixels of the crop."""
    sigma = noise.sigma[np.arange(33), states] * np.exp(
        noise.confidence_slope * z + noise.scene_sd * rng.normal()
    )
    own = rng.normal(size=(33, 2)) / np.sqrt(rng.chisquare(noise.dof, (33, 1)) / noise.dof)
    shared = rng.normal(size=2)
    random = np.sqrt(noise.common) * shared + np.sqrt(1 - noise.common) * own
    bias = noise.bias * np.stack([outwards(true), np.ones(33)], axis=1)
    return np.asarray(bias + sigma[:, None] * random)


def _world(
    points: Floats, true: Floats, K: Floats, states: Ints, noise: DetectorNoise, rng: np.random.Generator
) -> Floats:
    centred = (points - points[list(HIPS)].mean(0)) @ facing_turn(true, K).T
    # 0.88 t has the middle of a normal deviate and a longer tail: some people are seen the wrong way round
    turn = Rotation.from_rotvec(np.radians(noise.turn_deg) * 0.88 * rng.standard_t(3, 3)).as_matrix()
    scale = np.exp(noise.log_scale[0] + noise.log_scale[1] * rng.normal())
    more = np.where(states == VISIBLE, 1.0, 1.5)[:, None]
    result = scale * centred @ turn.T + noise.world_sigma * more * rng.normal(size=(33, 3))
    return np.asarray(result - result[list(HIPS)].mean(0))


def _hands(
    pixels: Floats,
    world: Floats,
    confidence: Floats,
    points: Floats,
    states: Ints,
    K: Floats,
    side: float,
    noise: DetectorNoise,
    rng: np.random.Generator,
) -> None:
    """Fill the rows of both hands; a hand that is not found keeps zeros."""
    true = project(points, K)
    scale = pixels_per_metre(pixels[BODY], world[BODY][:, :2], confidence[BODY])
    for hand, rows in enumerate(HANDS):
        logit = hand_features(true, states, confidence, hand, side) @ noise.hand_found
        found = rng.random() < 1 / (1 + np.exp(-logit))
        if not found:
            continue
        arm = WRIST_ROWS[hand]
        pixels[arm] = true[arm] + noise.hand_wrist * (pixels - true)[arm]
        palm = palm_pixels(true[rows])
        shared = rng.standard_t(noise.hand_offset[1], 2) * noise.hand_offset[0] * palm
        shared = shared + noise.hand_follow * (pixels - true)[WRISTS[hand]]
        factor = np.exp(noise.hand_spread * rng.normal())
        own = rng.normal(size=(21, 2)) * noise.hand_sigma[:, None] * palm * factor
        depth = (
            (points[rows, 2] - points[rows, 2][0]) * noise.hand_depth[0] * K[0, 0] / points[rows, 2].mean()
        )
        depth = depth + noise.hand_depth[1] * palm * rng.normal(size=21)
        seen = np.column_stack([true[rows] + shared + own, depth])
        pixels[rows], world[rows] = seen[:, :2], hand_world(seen)
        confidence[rows] = hand_confidence(seen, pixels[WRISTS[hand]], scale)
    left, right = HANDS
    both = confidence[left][0] > 0 and confidence[right][0] > 0
    if both and one_hand_twice(pixels[left], pixels[right]):
        confidence[left if confidence[left][0] < confidence[right][0] else right] = 0.0


def hidden_states(points: Floats, K: Floats, depth: Floats, thing: Bools, body_margin: float = 0.12) -> Ints:
    """(75,) VISIBLE, SELF_HIDDEN or OBJECT_HIDDEN for landmarks (75, 3) from a rendered depth image.

    `depth` (H, W) metres, 0 = nothing, and `thing` (H, W), where the object is in front, belong to the view
    with `K`.  Landmarks lie inside the body: the surface may be nearer by `body_margin` metres, for
    hands by a quarter of it.  Points outside the view count as visible.
    """
    height, width = depth.shape
    pixels = project(points, K)
    at = np.nan_to_num(np.round(pixels), nan=-1, posinf=-1, neginf=-1).clip(-1, 1 << 20).astype(int)
    inside = ((at >= 0) & (at < [width, height])).all(axis=1)
    column, row = np.where(inside[:, None], at, 0).T
    margin = np.full(75, body_margin)
    margin[33:] = body_margin / 4
    margin[17:23] = body_margin / 3
    nearer = inside & (depth[row, column] > 0) & (depth[row, column] < points[:, 2] - margin)
    # the object lies on the skin, not inside it
    covered = inside & thing[row, column] & (depth[row, column] < points[:, 2])
    return np.where(covered, OBJECT_HIDDEN, np.where(nearer, SELF_HIDDEN, VISIBLE))
