#!/usr/bin/env python3
"""Say where the errors of `regress` come from: its choice, its rotations, the depth, the person's shape.

    scorehoi synth --split val --count 1024 --views 2 --size 128 --no-pictures --out VAL
    python tools/measure_errors.py VAL --count 300

Draws one view of each validation scene with a picture and refines it as it is; with the aligned rotation, and
the one of all, that is nearest to the truth; and told what it should find out.  Printed are means for each of
these and for each kind of object: the share of rotations that are wrong (by more than 30 degrees, up to
symmetry), the error of the object's place seen from the pelvis, along the view and across it, where the
rotation is right and where it is wrong, the object's Chamfer distance and that of the joints; all of aligned
answers, before their correction.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from calibrate_status import truths_in
from refinement_scenes import drawn, errors, evidence_of, told
from tqdm import tqdm

from scorehoi_ros.alignment.align import Aligned
from scorehoi_ros.alignment.rig import Rig
from scorehoi_ros.alignment.state import Belief
from scorehoi_ros.alignment.target import Shape, Target
from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.frame.stages import Proposal
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.methods.regress.contact import ContactAsker
from scorehoi_ros.methods.regress.memory import Said
from scorehoi_ros.methods.regress.method import AlignRefiner, Descent, in_camera
from scorehoi_ros.methods.regress.refine import Descend, Found
from scorehoi_ros.methods.regress.start import Known, Pace, locked
from scorehoi_ros.methods.regress.view import View
from scorehoi_ros.networks.regressor import Guess
from scorehoi_ros.objects import families_basic, families_furniture
from scorehoi_ros.objects.equivalents import smallest_turns
from scorehoi_ros.synth.picture.photograph import Style
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.types import Floats

WRONG_DEG = 30.0
ALL = 12
"""Rotations that the network proposes."""
CHOSEN, NEAREST, NEAREST_OF_ALL = "as it is", "nearest aligned rotation", "nearest of all rotations"
GROUPS = {
    family.name: name
    for name, module in (("plain shapes", families_basic), ("furniture", families_furniture))
    for family in module.FAMILIES
}
HEAD = "scenes | wrong | along, right | across, right | along, wrong | across, wrong | CD object | MPJPE"

Facts = tuple[Target, Belief]
Tell = Callable[[Target, Belief], Facts]


@dataclass(frozen=True)
class Told:
    """A descent that is told something of the truth."""

    descent: Descent
    tell: Tell

    @property
    def rig(self) -> Rig:
        """Of the descent."""
        return self.descent.rig

    def __call__(
        self, guess: Guess, view: View, floor: Floats | None, contact: ContactAsker | None
    ) -> Descend:
        """See `Descent`."""
        return partial(self._descend, self.descent(guess, view, floor, contact))

    def _descend(
        self, descend: Descend, target: Target, shape: Shape | None, belief: Belief, pace: Pace
    ) -> Aligned:
        target, belief = self.tell(target, belief)
        return descend(target, shape, belief, pace)


@dataclass(frozen=True)
class Error:
    """Of one answer to one scene."""

    turn_deg: float
    along_cm: float
    across_cm: float
    cd_object_cm: float
    mpjpe_mm: float


@dataclass(frozen=True)
class Scene:
    """One scene with the network's proposal of it."""

    truth: SceneTruth
    sample: Sample
    pipeline: Pipeline
    evidence: Evidence
    proposal: Proposal

    @property
    def said(self) -> Said:
        """What the network said."""
        assert isinstance(self.proposal.features, Said)
        return self.proposal.features

    def found(self, count: int, tell: Tell | None = None) -> Found:
        """`count` rotations aligned."""
        refiner = self.pipeline.method.refiner
        assert isinstance(refiner, AlignRefiner)
        descent = refiner.descent if tell is None else Told(refiner.descent, tell)
        effort = replace(refiner.effort, hypotheses=count)
        refiner = replace(refiner, descent=descent, effort=effort)
        return refiner.aligned(self.said, self.proposal, self.evidence, None, Known()).found

    def turns(self, found: Found) -> Floats:
        """(H,) degrees by which aligned rotations are off."""
        R, symmetry = found.aligned.state.R_o.numpy(), self.sample.truth.template.symmetry
        true = self.in_view(self.sample.truth.T_cam_object[:3, :3])
        return np.asarray(np.degrees(np.linalg.norm(smallest_turns(true[None], R, symmetry)[0], axis=-1)))

    def error(self, found: Found, row: int) -> Error:
        """Of one aligned hypothesis."""
        state, truth = found.aligned.state, self.sample.truth
        place = self.in_view(truth.T_cam_object[:3, 3] - truth.human.joints[0])
        off = 100 * ((state.origin - state.root)[row].numpy() - place)
        estimate = in_camera(state, row, self.said.view, None, thing=True)
        scores = errors(self.sample, self.pipeline, estimate)
        across = float(np.linalg.norm(off[:2]))
        turn = float(self.turns(found)[row])
        return Error(turn, abs(float(off[2])), across, scores["cd_object_cm"], scores["mpjpe_mm"])

    def in_view(self, vectors: Floats) -> Floats:
        """Vectors or a rotation (3, ...) of the camera's frame."""
        return np.asarray(self.said.view.R_cam_view.T @ vectors)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="VAL", help="validation shards of `scorehoi synth`")
    parser.add_argument("--count", type=int, default=300, help="scenes to draw (default 300)")
    args = parser.parse_args()
    pipeline, kinds, rows = load_pipeline(method="regress"), [], []
    for truth in tqdm(islice(truths_in(args.folder), args.count), total=args.count, unit="scene"):
        scene = scene_of(truth, pipeline)
        if scene is not None:
            kinds.append(GROUPS.get(truth.object_spec.partition(":")[0], "other things"))
            rows.append(measured(scene))
    sys.stdout.write("\n".join(lines(kinds, rows)) + "\n")
    return 0


def scene_of(truth: SceneTruth, pipeline: Pipeline) -> Scene | None:
    """One scene as perception sees it; None where person or object has no mask."""
    sample = drawn(truth, Style())
    masks = sample.frame.masks
    if masks is None or masks.human is None or masks.object is None:
        return None
    pipeline, evidence = told(pipeline, sample), evidence_of(sample)
    return Scene(truth, sample, pipeline, evidence, pipeline.method.estimator(evidence, None))


def measured(scene: Scene) -> dict[str, Error]:
    """Errors of one scene by what the method was told."""
    refiner = scene.pipeline.method.refiner
    assert isinstance(refiner, AlignRefiner)
    count = refiner.effort.hypotheses
    found, every = scene.found(count), scene.found(ALL)
    turns, all_turns = scene.turns(found), scene.turns(every)
    errors_of = {
        CHOSEN: scene.error(found, found.best),
        NEAREST: scene.error(found, int(turns.argmin())),
        NEAREST_OF_ALL: scene.error(every, int(all_turns.argmin())),
    }
    for name, tell in facts(scene).items():
        errors_of[name] = scene.error(scene.found(1, tell), 0)
    return errors_of


def facts(scene: Scene) -> dict[str, Tell]:
    """What a method can be told of a scene, with the true rotation."""
    truth = scene.sample.truth
    R = scene.in_view(truth.T_cam_object[:3, :3])[None]
    pelvis, origin = (float(scene.in_view(p)[2]) for p in (truth.human.joints[0], truth.T_cam_object[:3, 3]))

    def turned(target: Target, belief: Belief) -> Facts:
        return target, replace(belief, rotations=R)

    def shaped(target: Target, belief: Belief) -> Facts:
        return target, locked(replace(belief, rotations=R, betas=scene.truth.betas), scene.truth.betas)

    def placed(target: Target, belief: Belief) -> Facts:
        return replace(target, pelvis_depth=pelvis, object_depth=origin), replace(belief, rotations=R)

    return {"true rotation": turned, "and the shape": shaped, "and both depths": placed}


def lines(kinds: Sequence[str], rows: Sequence[dict[str, Error]]) -> list[str]:
    """Two tables in Markdown: by what was told, and by kind of object."""
    table = [f"| told | {HEAD} |", "|---" * 9 + "|"]
    table += [row(way, [one[way] for one in rows]) for way in rows[0]]
    table += ["", f"| object | {HEAD} |", "|---" * 9 + "|"]
    for kind in sorted(set(kinds)):
        table.append(row(kind, [one[CHOSEN] for one, of in zip(rows, kinds, strict=True) if of == kind]))
    return table


def row(name: str, found: Sequence[Error]) -> str:
    """Means of several scenes; centimetres and millimetres."""
    right = [e for e in found if e.turn_deg <= WRONG_DEG]
    wrong = [e for e in found if e.turn_deg > WRONG_DEG]
    places = [
        f"{np.mean([getattr(e, part) for e in some]):.1f}" if some else "-"
        for some in (right, wrong)
        for part in ("along_cm", "across_cm")
    ]
    cd, mpjpe = (np.nanmean([getattr(e, part) for e in found]) for part in ("cd_object_cm", "mpjpe_mm"))
    share = len(wrong) / len(found)
    return f"| {name} | {len(found)} | {share:.2f} | {' | '.join(places)} | {cd:.1f} | {mpjpe:.1f} |"


if __name__ == "__main__":
    sys.exit(main())
