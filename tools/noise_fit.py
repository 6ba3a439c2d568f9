"""The fit of `synth/sensor/landmark_noise` to what a detector said; used by measure_detector_noise.py."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation
from scipy.stats import norm, rankdata

from scorehoi_ros.synth.sensor.landmark_noise import (
    BODY,
    BODY_MIRROR,
    CROP_PX,
    HANDS,
    LEVELS,
    WRISTS,
    DetectorNoise,
    crop_side,
    facing_turn,
    from_behind,
    hand_features,
    outwards,
    palm_pixels,
)
from scorehoi_ros.types import Bools, Floats, Ints, Landmarks

T = TypeVar("T")
Values = TypeVar("Values", Floats, Ints)
QUANTILES = (10, 25, 50, 75, 90, 95, 99)
FEWEST = 40
"""Samples that a table of one point and state needs; below, all points of the state are pooled."""


@dataclass(frozen=True)
class Case:
    """One scene with the detector's answer; pixels are those of the rendered picture."""

    points: Floats
    true: Floats
    states: Ints
    K: Floats
    width: int
    height: int
    seen: Landmarks
    flipped: bool = False

    @property
    def side(self) -> float:
        """Side of the square crop around the person in pixels."""
        return crop_side(self.true[BODY])


def unflipped(case: Case) -> Case:
    """The case with left and right put right where the detector took them for each other."""
    rows = [11, 12, 23, 24, 25, 26]
    pixels = case.seen.pixels[BODY]
    plain = np.linalg.norm(pixels[rows] - case.true[rows], axis=1).mean()
    swapped = np.linalg.norm(pixels[BODY_MIRROR][rows] - case.true[rows], axis=1).mean()
    if swapped > 0.6 * plain:
        return case
    turned = {name: getattr(case.seen, name).copy() for name in ("pixels", "world", "confidence")}
    for values in turned.values():
        values[BODY] = values[BODY][BODY_MIRROR]
    return replace(case, seen=Landmarks(**turned), flipped=True)


def body_errors(case: Case) -> Floats:
    """(33, 2) pixels of the crop: outwards and down."""
    error = (case.seen.pixels - case.true)[BODY] * CROP_PX / case.side
    return error * np.stack([np.where(outwards(case.true) == 0, 1, outwards(case.true)), np.ones(33)], axis=1)


def pooled(values: Values) -> Values:
    """Rows (n, 33, ...) with the mirrored points as further rows."""
    return np.concatenate([values, values[:, BODY_MIRROR]])


def fit(cases: list[Case]) -> DetectorNoise:
    """All constants from the cases."""
    errors = pooled(np.stack([body_errors(c) for c in cases]))
    states = pooled(np.stack([c.states[BODY] for c in cases]))
    confidence = pooled(np.stack([c.seen.confidence[BODY] for c in cases]))
    valid = confidence > 0
    bias = np.stack([np.median(errors[:, k][valid[:, k] & (states[:, k] == 0)], axis=0) for k in range(33)])
    bias[[0], 0] = 0.0
    tables = np.stack(
        [[table(confidence, states, valid, k, s, quantiles) for s in range(3)] for k in range(33)]
    )
    size = np.linalg.norm(errors - bias, axis=2)
    middle = np.stack([[table(size, states, valid, k, s, np.median) for s in range(3)] for k in range(33)])
    ratio = np.log(np.maximum(size, 0.05) / middle[np.arange(33), states])
    z = scores(confidence, states, valid)
    slope = float((ratio * z)[valid].mean() / (z * z)[valid].mean())
    scene_sd = common_sd(ratio - slope * z, valid)
    rho = common_sd(z, valid) ** 2
    unit = np.clip((errors - bias) / middle[np.arange(33), states][..., None], -3, 3)
    common = float(
        np.clip(
            np.mean([common_sd(unit[..., k], valid) ** 2 / unit[..., k][valid].var() for k in (0, 1)]), 0, 0.9
        )
    )
    dof, factor = tail(np.exp(ratio[valid]), slope, scene_sd, common)
    return DetectorNoise(
        bias=bias,
        sigma=middle * factor,
        dof=dof,
        scene_sd=scene_sd,
        common=common,
        confidence=tables,
        confidence_common=float(np.clip(rho, 0, 0.95)),
        confidence_slope=slope,
        flip=np.array(
            [
                np.mean([c.flipped for c in cases if from_behind(c.true) == b] or [False])
                for b in (False, True)
            ]
        ),
        **fit_world(cases),
        **fit_hands(cases),
    )


def quantiles(values: Floats) -> Floats:
    """At LEVELS."""
    return np.quantile(values, LEVELS)


def table(values: Floats, states: Ints, valid: Bools, k: int, s: int, what: Callable[[Floats], T]) -> T:
    """`what` of point k in state s; of all points in this state where there are too few."""
    chosen = valid[:, k] & (states[:, k] == s)
    if chosen.sum() >= FEWEST:
        return what(values[:, k][chosen])
    return what(values[valid & (states == s)])


def scores(confidence: Floats, states: Ints, valid: Bools) -> Floats:
    """Normal scores (n, 33) of the confidences among those of the same point and state."""
    z = np.zeros_like(confidence)
    for k in range(33):
        for s in range(3):
            chosen = valid[:, k] & (states[:, k] == s)
            if chosen.any():
                z[chosen, k] = norm.ppf((rankdata(confidence[chosen, k]) - 0.5) / chosen.sum())
    return z


def common_sd(values: Floats, valid: Floats) -> float:
    """Deviation of what the points of a scene have in common: from means over scenes less their own noise."""
    counts = valid.sum(axis=1)
    kept = counts >= 8
    filled = np.where(valid, values, 0.0)
    mean = filled.sum(axis=1)[kept] / counts[kept]
    within = np.mean(
        np.where(valid[kept], (values[kept] - mean[:, None]) ** 2, 0).sum(1) / (counts[kept] - 1)
    )
    return float(np.sqrt(max(mean.var() - within / counts[kept].mean(), 1e-4)))


def tail(ratios: Floats, slope: float, scene_sd: float, common: float) -> tuple[float, float]:
    """Degrees of freedom that bring simulated sizes closest to the real ones, and sigma over median size."""
    rng = np.random.default_rng(0)
    levels = np.array(QUANTILES) / 100
    real, best = np.log(np.quantile(ratios, levels)), (np.inf, 3.0, 1.0)
    for dof in (1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 30.0):
        own = rng.normal(size=(40000, 2)) / np.sqrt(rng.chisquare(dof, (40000, 1)) / dof)
        mixed = np.sqrt(common) * rng.normal(size=(40000, 2)) + np.sqrt(1 - common) * own
        size = np.linalg.norm(mixed, axis=1) * np.exp(
            slope * rng.normal(size=40000) + scene_sd * rng.normal(size=40000)
        )
        factor = 1 / np.median(size)
        misfit = float(np.abs(np.log(np.quantile(size * factor, levels)) - real).sum())
        best = min(best, (misfit, dof, factor))
    return best[1], best[2]


def fit_world(cases: list[Case]) -> dict[str, Any]:
    """Constants of the world points: turn, scale, and what remains."""
    turns, scales, residuals = [], [], []
    for c in cases:
        true = (c.points[BODY] - c.points[[23, 24]].mean(0)) @ facing_turn(c.true, c.K).T
        seen = c.seen.world[BODY]
        turn = Rotation.align_vectors(seen, true)[0]
        moved = turn.apply(true)
        scale = float((moved * seen).sum() / (moved * moved).sum())
        turns.append(turn.as_rotvec(degrees=True))
        scales.append(np.log(max(scale, 0.1)))
        residuals.append(seen - scale * moved)
    states = np.stack([c.states[BODY] for c in cases])
    residual = np.where((states == 0)[..., None], np.stack(residuals), np.stack(residuals) / 1.5)
    return {
        "turn_deg": 1.48 * np.median(np.abs(turns), axis=0),
        "log_scale": np.array([np.median(scales), 1.48 * np.median(np.abs(scales - np.median(scales)))]),
        "world_sigma": 1.48 * np.median(np.abs(pooled(residual)), axis=0),
    }


def fit_hands(cases: list[Case]) -> dict[str, Any]:
    """Constants of the hands: when they are found, and how far off they are."""
    features, found, offsets, wrists, spreads, depths = [], [], [], [], [], []
    all_wrists = []
    for c in cases:
        for hand, rows in enumerate(HANDS):
            features.append(hand_features(c.true, c.states, c.seen.confidence, hand, c.side))
            error_px = np.linalg.norm((c.seen.pixels - c.true)[WRISTS[hand]])
            all_wrists.append(error_px / palm_pixels(c.true[rows]))
            found.append(bool(c.seen.confidence[rows].max() > 0))
            if not found[-1]:
                continue
            error = (c.seen.pixels[rows] - c.true[rows]) / palm_pixels(c.true[rows])
            offsets.append(np.median(error, axis=0))
            wrists.append((c.seen.pixels - c.true)[WRISTS[hand]] / palm_pixels(c.true[rows]))
            spreads.append(error - offsets[-1])
            true = (c.points[rows, 2] - c.points[rows, 2][0])[1:]
            depths.append(np.stack([true, c.seen.world[rows, 2][1:]], axis=1))
    pairs = np.concatenate(depths)
    gain = float((pairs[:, 0] * pairs[:, 1]).sum() / (pairs[:, 0] ** 2).sum())
    # only hands that lie near their place tell how far they follow the wrist
    near = np.linalg.norm(wrists, axis=1) < 1.0
    moved, wrist = np.array(offsets), np.array(wrists)
    follow = float((moved * wrist)[near].sum() / (wrist**2)[near].sum())
    spread = np.stack(spreads)
    level = np.log(np.median(np.linalg.norm(spread, axis=2), axis=1))
    return {
        "hand_found": logistic(np.array(features), np.array(found)),
        "hand_wrist": float(np.median(np.linalg.norm(wrist, axis=1)) / np.median(all_wrists)),
        "hand_follow": follow,
        "hand_spread": float(level.std()),
        "hand_offset": np.array(student(np.abs(moved - follow * wrist).ravel())),
        "hand_sigma": 1.48 * np.median(np.abs(spread), axis=(0, 2)),
        "hand_depth": np.array([gain, 1.48 * np.median(np.abs(pairs[:, 1] - gain * pairs[:, 0])) / 0.088]),
    }


def logistic(features: Floats, found: Floats) -> Floats:
    """Weights (4,) of the logit, with a weak prior at zero."""

    def loss(w: Floats) -> float:
        logit = features @ w
        return float(np.logaddexp(0, np.where(found, -logit, logit)).sum() + 0.05 * w @ w)

    return np.asarray(minimize(loss, np.zeros(4)).x)


def student(sizes: Floats) -> tuple[float, float]:
    """Sigma and degrees of freedom of Student's t for absolute values, by the ratio of two quantiles."""
    rng, best = np.random.default_rng(0), (np.inf, 1.0, 3.0)
    real = np.quantile(sizes, [0.5, 0.9])
    for dof in (1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0):
        q = np.quantile(np.abs(rng.standard_t(dof, 40000)), [0.5, 0.9])
        best = min(best, (abs(np.log(q[1] / q[0] / real[1] * real[0])), float(real[0] / q[0]), dof))
    return best[1], best[2]
