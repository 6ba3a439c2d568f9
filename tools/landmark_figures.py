"""Figures on landmarks that need no truth: in these a simulated detector must be like the real one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scorehoi_ros.body.landmarks import LANDMARK_NAMES
from scorehoi_ros.synth.sensor.landmark_noise import (
    BODY,
    CROP_PX,
    HANDS,
    HIPS,
    SHOULDERS,
    WRISTS,
    crop_side,
    palm_pixels,
)
from scorehoi_ros.types import Floats, Landmarks

SURE = 0.5
"""Confidence from which a body point counts as seen."""
LEAST_POINTS = 8
BONES = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
ENDS = np.array([[[LANDMARK_NAMES.index(f"{s}_{e}") for e in b] for b in BONES] for s in ("left", "right")])
"""(2, 4, 2) rows at the ends of the bones of each side."""
BONE_NAMES = ("upper arm", "forearm", "thigh", "shin")
PARTS = {"face": slice(0, 11), "arms": slice(11, 17), "legs": slice(23, 29), "feet": slice(29, 33)}
STEADY = [*range(11), *SHOULDERS, *HIPS]
"""Points that move slowly."""


@dataclass(frozen=True)
class Clip:
    """Landmarks of frames at a steady rate; None where nobody was found."""

    seen: tuple[Landmarks | None, ...]
    rate_hz: float


def single_figures(seen: Sequence[Landmarks]) -> dict[str, Floats]:
    """Figures of images by themselves: name -> one value for each image, point or hand that has one."""
    confidence = np.stack([s.confidence for s in seen])
    hands = [(s, hand) for s in seen for hand in (0, 1) if s.confidence[HANDS[hand]].max() > 0]
    fits = [np.median(np.linalg.norm(residuals(s), axis=1)) for s in seen]
    return {
        **{f"confidence, {name}": confidence[:, rows].ravel() for name, rows in PARTS.items()},
        "images with a body point outside": (confidence[:, BODY] == 0).any(1).astype(float),
        "body points outside": (confidence[:, BODY] == 0).mean(1),
        "hands found": (confidence[:, [33, 54]].ravel() > 0).astype(float),
        "hand, confidence": np.array([s.confidence[HANDS[hand]].max() for s, hand in hands]),
        "hand, its wrist off the body's, palms": np.array([wrist_gap(s, hand) for s, hand in hands]),
        **_proportions(np.stack([s.world for s in seen])),
        "world to pixels, px256": np.array(fits),
    }


def moving_figures(clips: Sequence[Clip]) -> dict[str, Floats]:
    """Figures of clips: how large errors are from frame to frame, and how long they stay."""
    bones = [_tracks(clip, lambda s: np.log(bone_lengths(s.world)).ravel(), 8) for clip in clips]
    fits = [_tracks(clip, lambda s: residuals(s).ravel(), 66) for clip in clips]
    steady = [_tracks(clip, _steady_points, 2 * len(STEADY)) for clip in clips]
    out = {
        "face and trunk: jitter, px256": np.concatenate([jitter(track).ravel() for track in steady]),
        "bone length in the clip, sd of log": np.concatenate([np.nanstd(track, axis=0) for track in bones]),
    }
    for name, tracks in (("bone length", bones), ("world to pixels", fits)):
        for text, seconds in (("of the next frame", 0.0), ("1 s later", 1.0)):
            lags = [max(round(seconds * clip.rate_hz), 1) for clip in clips]
            pairs = [correlation(track, lag) for track, lag in zip(tracks, lags, strict=True)]
            out[f"{name}: correlation with that {text}"] = np.concatenate(pairs)
    return {name: values[np.isfinite(values)] for name, values in out.items()}


def bone_lengths(world: Floats) -> Floats:
    """(..., 2, 4) metres by side and `BONES`, from world points (..., 75, 3)."""
    ends = world[..., ENDS, :]
    return np.asarray(np.maximum(np.linalg.norm(ends[..., 0, :] - ends[..., 1, :], axis=-1), 1e-3))


def residuals(seen: Landmarks) -> Floats:
    """(33, 2) pixels of a 256 crop: body points off their world points in the best weak perspective.

    NaN where the confidence is low, everywhere when few points are sure.
    """
    sure = seen.confidence[BODY] >= SURE
    out = np.full((33, 2), np.nan)
    if sure.sum() < LEAST_POINTS:
        return out
    pixels, world = seen.pixels[BODY][sure], seen.world[BODY][sure][:, :2]
    pixels, world = pixels - pixels.mean(0), world - world.mean(0)
    scale = (pixels * world).sum() / (world * world).sum()
    out[sure] = (pixels - scale * world) * CROP_PX / crop_side(seen.pixels[BODY])
    return out


def wrist_gap(seen: Landmarks, hand: int) -> float:
    """Distance of a hand's wrist from the body's, in palms of the image."""
    points = seen.pixels[HANDS[hand]]
    return float(np.linalg.norm(points[0] - seen.pixels[WRISTS[hand]]) / max(palm_pixels(points), 1e-6))


def jitter(track: Floats) -> Floats:
    """(n - 3, c) what white noise of this deviation would make of the third differences of a track (n, c)."""
    return np.asarray(np.abs(np.diff(track, 3, axis=0)) / np.sqrt(20.0))


def correlation(track: Floats, lag: int) -> Floats:
    """(c,) of what deviates from the mean of each column (n, c) with itself `lag` frames later."""
    if len(track) < 2 * lag:
        return np.full(track.shape[1], np.nan)
    off = track - np.nanmean(track, axis=0)
    both = off[:-lag] * off[lag:]
    return np.asarray(np.nanmean(both, axis=0) / np.maximum(np.nanmean(off**2, axis=0), 1e-12))


def _proportions(world: Floats) -> dict[str, Floats]:
    lengths = bone_lengths(world)
    trunk = np.linalg.norm(world[:, list(SHOULDERS)].mean(1) - world[:, list(HIPS)].mean(1), axis=1)
    arm, leg = lengths[:, :, :2].sum(2).mean(1), lengths[:, :, 2:].sum(2).mean(1)
    sides = np.abs(np.log(lengths[:, 0] / lengths[:, 1]))
    return {
        **{f"world: {name}, left against right, log": sides[:, k] for k, name in enumerate(BONE_NAMES)},
        "world: trunk, m": trunk,
        "world: trunk over leg": trunk / leg,
        "world: arm over leg": arm / leg,
    }


def _steady_points(seen: Landmarks) -> Floats:
    pixels = np.where(seen.confidence[STEADY, None] >= SURE, seen.pixels[STEADY], np.nan)
    return np.asarray(pixels.ravel() * CROP_PX / crop_side(seen.pixels[BODY]))


def _tracks(clip: Clip, measure: Callable[[Landmarks], Floats], columns: int) -> Floats:
    """(n, columns) of the frames; NaN where nobody was found."""
    return np.stack([np.full(columns, np.nan) if s is None else measure(s) for s in clip.seen])
