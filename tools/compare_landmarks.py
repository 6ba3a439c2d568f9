"""Compare the real detector on photos and videos with the simulated one, in figures that need no truth.

    python tools/compare_landmarks.py --photos FOLDER ... --videos FILE ...

Prints the 10th, 50th and 90th percentile of each figure (of shares the mean), real and simulated; "in
training" are the simulated scenes with the world points of `train/steady_world`.
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from landmark_figures import Clip, moving_figures, single_figures
from tqdm import tqdm

from scorehoi_ros.body.load import load_body
from scorehoi_ros.geometry.camera import project
from scorehoi_ros.io.frames import camera_for
from scorehoi_ros.io.images import open_images
from scorehoi_ros.io.video.reader import open_video
from scorehoi_ros.perception.human.detector import MediapipeHuman
from scorehoi_ros.synth.picture.posed import pose_scene
from scorehoi_ros.synth.scene.generate import generate
from scorehoi_ros.synth.scene.kinds import template_of
from scorehoi_ros.synth.scene.plots import RATE_HZ
from scorehoi_ros.synth.scene.sequences import generate_sequence
from scorehoi_ros.synth.sensor.landmark_noise import BODY, HIPS, crop_side, facing_turn
from scorehoi_ros.synth.sensor.observe import observe_posed, whole_view
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.train.steady_world import TruePoints, steady_world
from scorehoi_ros.types import Floats, Frame, Landmarks

QUANTILES = (10, 50, 90)
SPLIT = "val"


def photographed(folders: Sequence[Path], detector: MediapipeHuman) -> list[Landmarks]:
    """What the detector sees on the images of some folders."""
    frames = [frame for folder in folders for frame in open_images(folder, camera_for("")).frames()]
    seen = [detector.detect(frame.rgb) for frame in frames if isinstance(frame, Frame)]
    return [s.landmarks for s in seen if s is not None]


def filmed(path: Path, detector: MediapipeHuman) -> Clip:
    """What the detector sees on a video, at about the rate of the simulated sequences."""
    source = open_video(path, camera_for(""))
    step = max(round((source.rate_hz or RATE_HZ) / RATE_HZ), 1)
    seen: list[Landmarks | None] = []
    for number, frame in enumerate(tqdm(source.frames(), desc=path.name, total=source.count)):
        if number % step == 0:
            found = detector.detect(frame.rgb) if isinstance(frame, Frame) else None
            seen.append(found.landmarks if found else None)
    return Clip(tuple(seen), (source.rate_hz or RATE_HZ) / step)


def simulated(truths: Sequence[SceneTruth]) -> list[Landmarks]:
    """What the simulated detector would see of scenes."""
    body, seen = load_body(), []
    for truth in truths:
        template = template_of(truth.object_spec)
        posed = pose_scene(truth, body, template)
        seen.append(observe_posed(truth, posed, body, template, None, whole_view(truth)).landmarks)
    return seen


def as_trained(truths: Sequence[SceneTruth], told: Sequence[Landmarks]) -> list[Landmarks]:
    """Simulated landmarks with the world points that training puts in the place of most."""
    body, bodies = load_body(), []
    for truth in truths:
        points = pose_scene(truth, body, template_of(truth.object_spec)).landmarks
        true = project(points, truth.K)
        centred = (points - points[list(HIPS)].mean(0)) @ facing_turn(true, truth.K).T
        bodies.append((true, centred, 2 / crop_side(true[BODY])))
    pixels, world, scales = (torch.as_tensor(np.stack(values)) for values in zip(*bodies, strict=True))
    unit = scales[:, None, None]
    seen, sure = (torch.as_tensor(np.stack([getattr(t, n) for t in told])) for n in ("pixels", "confidence"))
    steady = steady_world(
        TruePoints(pixels * unit, world), seen * unit, sure, torch.Generator().manual_seed(0)
    ).numpy()
    return [
        replace(t, world=np.concatenate([w, t.world[BODY.stop :]])) for t, w in zip(told, steady, strict=True)
    ]


def lines(columns: dict[str, dict[str, Floats]]) -> list[str]:
    """A table in Markdown: one row for each figure, one column for each source."""
    names = list(dict.fromkeys(name for figures in columns.values() for name in figures))
    head = ["| figure | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    return head + [
        f"| {name} | " + " | ".join(_cell(figures.get(name)) for figures in columns.values()) + " |"
        for name in names
    ]


def _cell(values: Floats | None) -> str:
    values = np.empty(0) if values is None else values[np.isfinite(values)]
    if not len(values):
        return ""
    if set(np.unique(values)) <= {0.0, 1.0}:
        return f"{values.mean():.2f}"
    return " / ".join(f"{v:.2f}" for v in np.percentile(values, QUANTILES))


def main() -> int:
    """Detect, simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="folders of images")
    parser.add_argument("--videos", type=Path, nargs="*", default=[], help="video files of one person each")
    parser.add_argument("--count", type=int, default=256, help="simulated scenes (default 256)")
    parser.add_argument("--sequences", type=int, default=8, help="simulated sequences (default 8)")
    args = parser.parse_args()
    with MediapipeHuman() as detector:
        photos = photographed(args.photos, detector)
        clips = [filmed(path, detector) for path in args.videos]
    moving = [Clip(tuple(simulated(generate_sequence(SPLIT, n))), RATE_HZ) for n in range(args.sequences)]
    warnings.simplefilter("ignore", RuntimeWarning)  # points that are never sure have no mean
    columns = {"photos": single_figures(photos)} if photos else {}
    for path, clip in zip(args.videos, clips, strict=True):
        columns[path.stem] = single_figures([s for s in clip.seen if s]) | moving_figures([clip])
    truths = generate(SPLIT, range(args.count))
    told = simulated(truths)
    columns["simulated scenes"] = single_figures(told)
    columns["in training"] = single_figures(as_trained(truths, told))
    frames = [s for clip in moving for s in clip.seen if s]
    columns["simulated sequences"] = single_figures(frames) | moving_figures(moving)
    sys.stdout.write("\n".join(lines(columns)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
