"""Fit the probabilities of `frame/trust.py` on validation scenes with simulated faults of perception.

    scorehoi synth --split val --count 1024 --views 2 --size 128 --no-pictures --out VAL
    python tools/calibrate_status.py VAL --frames FRAMES.json

Runs the pipeline (method regress) on one view of each scene, drawn anew with a picture where the product has
to segment it, with the faults of `status_faults.py`, compares with the truth, and fits logistic regressions
whose weights may not be negative.  Each half of the frames is judged by weights fitted on the other; what is
written is fitted on all.  Writes `scorehoi_ros/frame/trust_weights.py` and
`docs/images/status_reliability.png`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from status_faults import dice, scaled_spec, with_faults
from status_fit import Fitted, draw, fit, judge, told, write_table
from tqdm import tqdm

from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.points import stature_of
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.evaluate import metrics
from scorehoi_ros.evaluate.methods import GivenLandmarks
from scorehoi_ros.files import write_json
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.synth.picture.photograph import Style
from scorehoi_ros.synth.picture.posed import Posed, pose_scene
from scorehoi_ros.synth.sensor.observe import observe_posed, whole_view
from scorehoi_ros.synth.storage import read_shard, shard_paths
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.types import Camera, Frame, HumanObservation, Reconstruction

BODY_JOINTS = 22
MOST_JOINT_MM, MOST_TURN_DEG, MOST_PLACE_CM = 80.0, 20.0, 10.0
"""What is right, see `frame/trust.py`."""


@dataclass(frozen=True)
class Measured:
    """One frame: what spoke against its estimate, and whether it was right."""

    key: str
    faults: list[str]
    human: dict[str, float]
    """Doubts; empty = no person was found."""
    object: dict[str, float]
    mpjpe_mm: float = 0.0
    turn_deg: float = 0.0
    place_cm: float = 0.0
    other: bool = False
    """Another object was looked for than the one that is there."""

    @property
    def human_right(self) -> bool:
        """Whether the person is."""
        return self.mpjpe_mm < MOST_JOINT_MM

    @property
    def turned(self) -> bool:
        """Whether the object's rotation is right."""
        return self.turn_deg < MOST_TURN_DEG and not self.other

    @property
    def placed(self) -> bool:
        """Whether the object's place is right."""
        return self.place_cm < MOST_PLACE_CM


def main() -> int:
    """Measure, fit, write, and print what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="VAL", help="validation shards of `scorehoi synth`")
    parser.add_argument("--count", type=int, default=600, help="scenes to measure (default 600)")
    parser.add_argument("--method", default="regress", help="method of the pipeline (default regress)")
    parser.add_argument(
        "--frames", type=Path, metavar="FILE", help="keeps what was measured, and is read when it is there"
    )
    parser.add_argument("--check", action="store_true", help="judge by the shipped weights; write nothing")
    args = parser.parse_args()
    if args.frames is not None and args.frames.is_file():
        frames = [Measured(**row) for row in json.loads(args.frames.read_text())]
    else:
        frames = measure(truths_in(args.folder)[: args.count], load_pipeline(method=args.method))
        if args.frames is not None:
            write_json(args.frames, [asdict(frame) for frame in frames])
    people = [f for f in frames if f.human]
    things = [f for f in frames if f.object]
    right = np.array([f.human_right for f in people])
    turned, placed = (np.array([getattr(f, n) for f in things]) for n in ("turned", "placed"))
    doubts = [f.human for f in people], [f.object for f in things]
    if args.check:
        p = told("human", doubts[0]), told("turned", doubts[1]) * told("placed", doubts[1])
    else:
        p = judge(doubts[0], right), judge(doubts[1], turned) * judge(doubts[1], placed, turned)
    draw_and_print(p, right, turned & placed, things, write=not args.check)
    if not args.check:
        write_table({"human": fit(doubts[0], right), **fitted_object(doubts[1], turned, placed)}, len(frames))
    return 0


def fitted_object(
    doubts: Sequence[dict[str, float]], turned: np.ndarray, placed: np.ndarray
) -> dict[str, Fitted]:
    """The two regressions of an object: the place is learnt from those that are turned right."""
    good = np.flatnonzero(turned)
    return {"turned": fit(doubts, turned), "placed": fit([doubts[i] for i in good], placed[good])}


def draw_and_print(
    p: tuple[np.ndarray, np.ndarray],
    human: np.ndarray,
    thing: np.ndarray,
    things: Sequence[Measured],
    write: bool,
) -> None:
    """The reliability plot and its numbers, also for parts of the frames."""
    own = np.array([f.object["own_mask"] > 0 for f in things])
    panels = {"human": (p[0], human), "object": (p[1], thing)}
    parts = {"object, mask given": (p[1][~own], thing[~own]), "object, own mask": (p[1][own], thing[own])}
    sys.stdout.write(draw(panels, panels | parts, write))


def truths_in(folder: Path) -> list[SceneTruth]:
    """The first view of each validation scene; raises InputError for another split."""
    truths: dict[tuple[float, ...], SceneTruth] = {}
    for path in shard_paths(folder):
        shard = read_shard(path, only=())
        if shard.recipe.get("split") != "val":
            raise InputError(
                f"{path} is of split {shard.recipe.get('split')}: calibrate on validation scenes."
            )
        for truth in shard.truths:
            truths.setdefault(tuple(np.round(truth.pose, 4).ravel()[3:]), truth)
    return list(truths.values())


def measure(truths: Sequence[SceneTruth], pipeline: Pipeline) -> list[Measured]:
    """Run the pipeline on every scene with its faults."""
    rows = []
    for number, truth in enumerate(tqdm(truths, unit="frame")):
        rng = np.random.default_rng([2024, number])
        rows.append(measure_one(truth, truths[(number + 11) % len(truths)].object_spec, pipeline, rng))
    return rows


def measure_one(truth: SceneTruth, other: str, pipeline: Pipeline, rng: np.random.Generator) -> Measured:
    """One scene; `other` is the object that is looked for by mistake."""
    happen, body, true = dice(rng), free_body(), load_template(truth.object_spec)
    posed = pose_scene(truth, body, true)
    style = Style() if "own_object" in happen else None
    seen = observe_posed(truth, posed, body, true, style, whole_view(truth))
    black = np.zeros((truth.height, truth.width, 3), np.uint8)
    camera = Camera(truth.K, truth.width, truth.height)
    frame = Frame(black if seen.rgb is None else seen.rgb, camera, 0, name=truth.key, masks=seen.masks)
    bad = with_faults(frame, seen.landmarks, seen.object_mask, happen, rng)
    spec = other if "other" in happen else truth.object_spec
    if "size" in happen:
        spec = scaled_spec(spec, float(np.exp(rng.choice([-1, 1]) * rng.uniform(0.12, 0.4))))
    mean, slope = stature_of(body)
    config: PipelineConfig = replace(
        pipeline.config,
        gravity=[-float(x) for x in truth.floor_normal] if "gravity" in happen else [],
        height_m=round(mean + float(truth.betas @ slope), 2) if "height" in happen else 0.0,
    )
    soft = None if bad.human_mask is None else bad.human_mask.astype(np.float32)
    eyes = replace(pipeline.eyes, detector=GivenLandmarks(HumanObservation(bad.landmarks, soft)))
    now = replace(pipeline, config=config, eyes=eyes).for_template(load_template(spec))
    result, _ = now.step(bad.frame, None, bad.prompt)
    wrong = "other" in happen and spec.partition(":")[0] != truth.object_spec.partition(":")[0]
    return compared(result, truth, posed, happen, wrong)


def compared(
    result: Reconstruction, truth: SceneTruth, posed: Posed, happen: set[str], other: bool
) -> Measured:
    """The doubts of a result with its errors."""
    human, thing = (
        {k.partition("_doubt_")[2]: v for k, v in result.quality.items() if k.startswith(f"{who}_doubt_")}
        for who in ("human", "object")
    )
    if result.human is None:
        return Measured(truth.key, sorted(happen), {}, {})
    errors = {"mpjpe_mm": metrics.mpjpe_mm(result.human.joints[:BODY_JOINTS], posed.joints[:BODY_JOINTS])}
    if result.object is not None and thing:
        T, true = result.object.T_cam_object, truth.T_cam_object
        symmetry = load_template(truth.object_spec).symmetry
        errors["turn_deg"] = metrics.rotation_error_deg(T[:3, :3], true[:3, :3], symmetry)
        errors["place_cm"] = metrics.translation_error_cm(
            T[:3, 3] - result.human.root, true[:3, 3] - posed.joints[0]
        )
    return Measured(truth.key, sorted(happen), human, thing, **errors, other=other)


if __name__ == "__main__":
    sys.exit(main())
