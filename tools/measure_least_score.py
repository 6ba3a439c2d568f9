#!/usr/bin/env python3
"""What `LEAST_SCORE` of `perception/observe.py` keeps and rejects of a tracked object, over thresholds.

    python tools/build_sequences.py --numbers 3000 3016 --out VAL
    python tools/measure_least_score.py VAL

Each sequence is followed without given masks.  The object is shown by a box in the first frame; every few
frames it is looked for as the product does it: where it truly was in the frame before and near the person,
with the colours of the last sure mask.  Each of these frames is drawn twice, with the object and without it;
an object of which less than a tenth shows counts as gone, too.

A row is a threshold: the share of those gone for which what is found is rejected, rightly; of visible ones
that are found (IoU of a half with the true mask), but lost by it; and of visible ones for which something
else is found and rejected.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from photo_folders import overlap
from tqdm import tqdm

from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.datasets.synhoi import read_truths, sequence_of
from scorehoi_ros.frame.track import SURE_SCORE
from scorehoi_ros.geometry.turns import six_of_matrix
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.perception import observe as product
from scorehoi_ros.perception.human.detector import MediapipeHuman
from scorehoi_ros.perception.human.placing import place_person
from scorehoi_ros.perception.object.grabcut import GrabCutSegmenter
from scorehoi_ros.perception.object.window import mask_box
from scorehoi_ros.synth.picture.photograph import Style
from scorehoi_ros.synth.sensor.observe import Observation, observe
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.types import Camera, Floats, Frame, ObjectPose, Prompt

HIDDEN = 0.1
"""Share of an object's outline below which nobody should see it."""
RIGHT_IOU = 0.5
AWAY_M = 40.0
"""To the side, where no camera sees it."""
KINDS = {"gone": "gone, rejected", "right": "found, lost", "wrong": "something else, rejected"}
THRESHOLDS = (0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True)
class Look:
    """What was found in one picture."""

    kind: str
    """gone | right | wrong (visible, but something else is found)."""
    score: float
    """0 where nothing is found."""


class Follower:
    """Looks for one object as `see_object` does, but keeps what it would reject."""

    def __init__(self, truth: SceneTruth) -> None:
        self.body, self.template = free_body(), load_template(truth.object_spec)
        self.posed, self.detector = PosedBody(self.body), MediapipeHuman()
        self.segmenter = GrabCutSegmenter()
        self.appearance: Floats | None = None

    def draw(self, truth: SceneTruth) -> Observation:
        """The picture of a truth."""
        return observe(truth, self.body, self.template, Style())

    def see(
        self, truth: SceneTruth, shown: Observation, place: ObjectPose | None, prompt: Prompt | None = None
    ) -> product.ObjectSighting:
        """The object in a picture; `place` = where it was before."""
        assert shown.rgb is not None
        frame = Frame(shown.rgb, Camera(truth.K, truth.width, truth.height), 0)
        seen = self.detector.detect(frame.rgb)
        person = None if seen is None else place_person(self.posed, seen.landmarks, truth.K, None)
        memory = product.ObjectMemory(() if place is None else (place,), self.appearance, closely=False)
        masks = product.human_mask(frame, seen)
        return product.see_object(frame, masks, self.segmenter, prompt, self.template, person, memory)


def looks(truths: Sequence[SceneTruth], every: int) -> Iterator[Look]:
    """Of one sequence."""
    follower = Follower(truths[0])
    first = follower.draw(truths[0])
    box = mask_box(first.object_mask, 0.05)
    if box is None:
        return
    follower.appearance = follower.see(truths[0], first, None, Prompt(box=box)).appearance
    for before, truth in zip(truths[every - 1 :: every], truths[every::every], strict=False):
        T = before.T_cam_object
        place = ObjectPose(six_of_matrix(T[:3, :3]), T[:3, 3])
        gone = replace(truth, T_cam_object=aside(truth.T_cam_object))
        yield Look("gone", score(follower.see(gone, follower.draw(gone), place)))
        shown = follower.draw(truth)
        found = follower.see(truth, shown, place)
        right = found.masks.object is not None and overlap(found.masks.object, shown.object_mask) >= RIGHT_IOU
        kind = "gone" if shown.object_visible < HIDDEN else "right" if right else "wrong"
        yield Look(kind, score(found))
        if score(found) >= SURE_SCORE:
            follower.appearance = found.appearance


def score(found: product.ObjectSighting) -> float:
    """Of the object's mask."""
    return 0.0 if found.masks.object is None else found.masks.object_score


def aside(T: Floats) -> Floats:
    """(4, 4) a place out of view."""
    moved = T.copy()
    moved[0, 3] += AWAY_M
    return moved


def table(rows: Sequence[Look]) -> str:
    """In Markdown."""
    scores = {kind: np.array([row.score for row in rows if row.kind == kind]) for kind in KINDS}
    told = " | ".join(f"{words} ({len(scores[kind])})" for kind, words in KINDS.items())
    lines = [f"| threshold | {told} |", "|---" * (len(KINDS) + 1) + "|"]
    for threshold in THRESHOLDS:
        shares = (f"{(s < threshold).mean():.2f}" if len(s) else "-" for s in scores.values())
        lines.append(f"| {threshold:g} | " + " | ".join(shares) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Follow every sequence and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="VAL", help="truths of build_sequences.py")
    parser.add_argument(
        "--every", type=int, default=4, metavar="N", help="look in each N-th frame (default 4)"
    )
    args = parser.parse_args()
    product.LEAST_SCORE = 0.0
    truths = [truth for file in args.files for truth in read_truths(file)[0]]
    takes = [list(group) for _, group in groupby(truths, key=lambda truth: sequence_of(truth.key))]
    rows = [look for take in tqdm(takes, unit="sequence") for look in looks(take, args.every)]
    sys.stdout.write(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
