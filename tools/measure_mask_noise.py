"""Overlap of the real segmenters' masks with the truth on rendered scenes, beside that of simulated masks.

    python tools/measure_mask_noise.py --count 100

The constants of `synth/mask_noise` were set by hand so that the quantiles come close.  `CAREFUL` stands for a
promptable network, whose weights no package brings: its rates are assumed, not measured.
"""

import argparse
import sys

import numpy as np
from photo_folders import detected
from tqdm import tqdm

from scorehoi_ros.body.load import load_body
from scorehoi_ros.evaluate.metrics import mask_iou
from scorehoi_ros.perception.human.detector import MediapipeHuman
from scorehoi_ros.perception.object.grabcut import GrabCutSegmenter
from scorehoi_ros.perception.object.window import mask_box
from scorehoi_ros.synth.picture.photograph import Style, take_picture
from scorehoi_ros.synth.picture.posed import pose_scene
from scorehoi_ros.synth.scene.generate import generate
from scorehoi_ros.synth.scene.kinds import template_of
from scorehoi_ros.synth.sensor.mask_noise import CAREFUL, COLOUR, HUMAN, disturb
from scorehoi_ros.synth.sensor.observe import surfaces, whole_view
from scorehoi_ros.types import Prompt

QUANTILES = (5, 10, 25, 50, 75, 90)
LEAST_PX = 60
"""Objects that show fewer pixels are left out."""


def overlaps(count: int, split: str) -> dict[str, list[float]]:
    """Real and simulated overlaps, one for each scene that shows enough."""
    body, detector, segmenter = load_body(), MediapipeHuman(), GrabCutSegmenter()
    rows: dict[str, list[float]] = {}
    for truth in tqdm(generate(split, range(count)), unit="scene"):
        template = template_of(truth.object_spec)
        posed, view = pose_scene(truth, body, template), whole_view(truth)
        shown = surfaces(posed, body, template, view)
        human, thing = shown.human, shown.thing
        rgb = take_picture(truth, posed, body, template, Style(), view, shown.depth)
        rng = np.random.default_rng([truth.seed, 9])
        found = detected(detector, rgb)
        told = {
            "human, real": mask_iou(found, human),
            "human, model": mask_iou(disturb(human, thing, HUMAN, rng), human),
        }
        if thing.sum() >= LEAST_PX:
            prompt = Prompt(box=mask_box(thing, 0.05))
            cut = segmenter.segment(rgb, prompt, found).mask
            told["object by colour, real"] = mask_iou(cut, thing)
            for name, kind in (("by colour", COLOUR), ("careful", CAREFUL)):
                told[f"object {name}, model"] = mask_iou(disturb(thing, human, kind, rng), thing)
        for name, value in told.items():
            rows.setdefault(name, []).append(value)
    return rows


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100, help="scenes of the test split (default 100)")
    rows = overlaps(parser.parse_args().count, "test")
    sys.stdout.write(f"{'overlap (IoU)':<28}{'mean':>8}" + "".join(f"{q:>7} %" for q in QUANTILES) + "\n")
    for name, values in rows.items():
        told = [np.mean(values), *np.percentile(values, QUANTILES)]
        sys.stdout.write(f"{name:<28}" + f"{told[0]:>8.3f}" + "".join(f"{v:>9.3f}" for v in told[1:]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
