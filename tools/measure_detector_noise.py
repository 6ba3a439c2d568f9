"""Measure the errors of the human detector on rendered scenes, fit `synth/landmark_noise`, compare.

    python tools/measure_detector_noise.py --count 384 --out models/detector_noise.json

Prints real against simulated quantiles on scenes that were not used for the fit.
"""

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from noise_fit import QUANTILES, Case, body_errors, fit, unflipped
from tqdm import tqdm

from scorehoi_ros.body.load import load_body
from scorehoi_ros.files import write_json
from scorehoi_ros.geometry.camera import project
from scorehoi_ros.perception.human.detector import MediapipeHuman
from scorehoi_ros.synth.picture.photograph import CropView, Style, take_picture
from scorehoi_ros.synth.picture.posed import pose_scene
from scorehoi_ros.synth.scene.generate import generate
from scorehoi_ros.synth.scene.kinds import template_of
from scorehoi_ros.synth.sensor.landmark_noise import (
    BODY,
    FORMAT,
    HANDS,
    DetectorNoise,
    facing_turn,
    hidden_states,
    noisy_landmarks,
    palm_pixels,
)
from scorehoi_ros.synth.sensor.observe import surfaces
from scorehoi_ros.types import Floats

SHORT_SIDE = 640


def collect(count: int, split: str) -> tuple[list[Case], int]:
    """Cases of the scenes in which the detector found a person, and how often it did not."""
    body, detector, cases, missed = load_body(), MediapipeHuman(), [], 0
    for truth in tqdm(generate(split, range(count)), unit="scene"):
        template = template_of(truth.object_spec)
        posed = pose_scene(truth, body, template)
        view = enlarged(truth.K, truth.width, truth.height)
        shown = surfaces(posed, body, template, view)
        seen = detector.detect(take_picture(truth, posed, body, template, Style(), view, shown.depth))
        if seen is None:
            missed += 1
            continue
        true = project(posed.landmarks, view.K)
        states = hidden_states(posed.landmarks, view.K, shown.depth, shown.thing)
        case = Case(posed.landmarks, true, states, view.K, view.width, view.height, seen.landmarks)
        cases.append(unflipped(case))
    return cases, missed


def enlarged(K: Floats, width: int, height: int) -> CropView:
    """The whole image with `SHORT_SIDE` pixels along its shorter side."""
    scale = SHORT_SIDE / min(width, height)
    T = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1.0]])
    return CropView(T @ K, round(width * scale), round(height * scale), T, width, height)


def compare(cases: list[Case], noise: DetectorNoise) -> dict[str, list[float]]:
    """Quantiles of real and simulated errors of the same scenes."""
    rng = np.random.default_rng(1)
    told = [
        replace(c, seen=noisy_landmarks(c.points, c.states, c.K, c.width, c.height, noise, rng))
        for c in cases
    ]
    rows = {}
    for source, group in (("real", cases), ("model", [unflipped(c) for c in told])):
        for name, values in measures(group).items():
            rows[f"{name}, {source}"] = [round(float(v), 3) for v in np.percentile(values, QUANTILES)]
        hands = [c.seen.confidence[rows_].max() > 0 for c in group for rows_ in HANDS]
        rows[f"hands found, share, {source}"] = [round(float(np.mean(hands)), 3)]
        rows[f"left and right swapped, share, {source}"] = [
            round(float(np.mean([c.flipped for c in group])), 3)
        ]
    return dict(sorted(rows.items()))


def measures(cases: list[Case]) -> dict[str, Floats]:
    """What is compared, by name."""
    states = np.stack([c.states[BODY] for c in cases])
    confidence = np.stack([c.seen.confidence[BODY] for c in cases])
    size = np.stack([np.linalg.norm(body_errors(c), axis=1) for c in cases])
    out = {}
    for s, name in enumerate(("seen", "hidden by the body", "hidden by the object")):
        chosen = (states == s) & (confidence > 0)
        out[f"body error px256, {name}"] = size[chosen]
        out[f"confidence, {name}"] = confidence[states == s]
    valid = confidence > 0
    out["body error px256, median of a scene"] = np.array(
        [np.median(e[v]) for e, v in zip(size, valid, strict=True) if v.any()]
    )
    hands, sure, world = [], [], []
    for c in cases:
        true = (c.points[BODY] - c.points[[23, 24]].mean(0)) @ facing_turn(c.true, c.K).T
        world.append(1000 * np.linalg.norm(c.seen.world[BODY] - true, axis=1).mean())
        for rows in HANDS:
            if c.seen.confidence[rows].max() > 0:
                hands.append(
                    np.linalg.norm(c.seen.pixels[rows] - c.true[rows], axis=1).mean()
                    / palm_pixels(c.true[rows])
                )
                sure.append(c.seen.confidence[rows].max())
    return out | {
        "hand error, palms": np.array(hands),
        "hand confidence": np.array(sure),
        "world error mm, mean of a scene": np.array(world),
    }


def main() -> int:
    """Measure; compare on the odd cases what is fitted on the even ones; write the fit to all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=384, help="scenes of the validation split (default 384)")
    parser.add_argument("--out", type=Path, default=Path("models/detector_noise.json"))
    args = parser.parse_args()
    cases, missed = collect(args.count, "val")
    table_ = compare(cases[1::2], fit(cases[::2]))
    for name, values in table_.items():
        sys.stdout.write(f"{name:<48}" + "".join(f"{v:>9.3f}" for v in values) + "\n")
    sys.stdout.write(f"nobody found in {missed} of {args.count}\n")
    noise = fit(cases)
    constants = {k: np.round(v, 5).tolist() for k, v in asdict(noise).items()}
    measured = {"scenes": args.count, "nobody_found": missed, "quantiles": QUANTILES, "comparison": table_}
    write_json(args.out, json.loads(json.dumps({"format": FORMAT, "measured": measured, "model": constants})))
    return 0


if __name__ == "__main__":
    sys.exit(main())
