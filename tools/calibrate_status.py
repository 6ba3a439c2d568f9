"""Fit the probabilities of `frame/trust.py` on validation scenes with simulated faults of perception.

    scorehoi synth --split val --count 1024 --views 2 --size 128 --no-pictures --out VAL
    python tools/build_sequences.py --numbers 3016 3064 --out SEQUENCES.npz
    python tools/calibrate_status.py VAL --sequences SEQUENCES.npz --frames FRAMES.json

Runs the pipeline (method regress) on one view of each scene, and on sequences from frame to frame, drawn anew
with a picture where the product has to segment it, with the faults of `status_faults.py`, which stay
throughout a sequence; compares with the truth, and fits logistic regressions whose weights may not be
negative.  Each half of the scenes and sequences is judged by weights fitted on the other; what is written is
fitted on all.  Writes `scorehoi_ros/frame/trust_weights.py` and
`docs/images/status_reliability.png`.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from status_faults import Seen, dice, scaled_spec, with_faults
from status_fit import Fitted, draw, fit, judge, told, write_table
from tqdm import tqdm

from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.points import stature_of
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.datasets.synhoi import read_truths, sequence_of
from scorehoi_ros.errors import InputError
from scorehoi_ros.evaluate import metrics
from scorehoi_ros.evaluate.methods import GivenLandmarks
from scorehoi_ros.files import write_json
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.synth.picture.photograph import Style
from scorehoi_ros.synth.picture.posed import Posed, pose_scene
from scorehoi_ros.synth.scene.plots import RATE_HZ
from scorehoi_ros.synth.sensor.observe import observe_posed, whole_view
from scorehoi_ros.synth.storage import read_shard, shard_paths
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.types import Camera, Frame, HumanObservation, Reconstruction

BODY_JOINTS = 22
MOST_JOINT_MM, MOST_TURN_DEG, MOST_PLACE_CM = 80.0, 20.0, 10.0
"""What is right, see `frame/trust.py`."""
EVERY = 8
"""Of a sequence every eighth frame is measured: neighbours resemble each other."""


@dataclass(frozen=True)
class Measured:
    """One frame: what spoke against its estimate, and whether it was right."""

    key: str
    take: int
    """Number of the scene or sequence that it is of."""
    warm: bool
    """It went on from the frame before."""
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
    parser.add_argument(
        "--sequences", type=Path, metavar="FILE", help="truths of validation sequences (.npz)"
    )
    parser.add_argument("--method", default="regress", help="method of the pipeline (default regress)")
    parser.add_argument(
        "--frames", type=Path, metavar="FILE", help="keeps what was measured, and is read when it is there"
    )
    parser.add_argument("--check", action="store_true", help="judge by the shipped weights; write nothing")
    args = parser.parse_args()
    if args.frames is not None and args.frames.is_file():
        frames = [Measured(**row) for row in json.loads(args.frames.read_text())]
    else:
        takes = [[truth] for truth in truths_in(args.folder)[: args.count]]
        takes += [] if args.sequences is None else sequences_in(args.sequences)
        frames = measure(takes, load_pipeline(method=args.method))
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
        half = [np.array([f.take % 2 for f in part]) for part in (people, things)]
        p = (
            judge(doubts[0], right, half[0]),
            judge(doubts[1], turned, half[1]) * judge(doubts[1], placed, half[1], turned),
        )
    draw_and_print(p, (right, turned & placed), (people, things), write=not args.check)
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
    right: tuple[np.ndarray, np.ndarray],
    frames: tuple[Sequence[Measured], Sequence[Measured]],
    write: bool,
) -> None:
    """The reliability plot of people and objects and its numbers, also for parts of the frames."""
    own = np.array([f.object["own_mask"] > 0 for f in frames[1]])
    warm = [np.array([f.warm for f in part]) for part in frames]
    panels = {"human": (p[0], right[0]), "object": (p[1], right[1])}
    parts = {
        "human, warm": (0, warm[0]),
        "object, mask given": (1, ~own & ~warm[1]),
        "object, own mask": (1, own & ~warm[1]),
        "object, mask given, warm": (1, ~own & warm[1]),
        "object, own mask, warm": (1, own & warm[1]),
    }
    some = {name: (p[i][chosen], right[i][chosen]) for name, (i, chosen) in parts.items() if chosen.any()}
    sys.stdout.write(draw(panels, panels | some, write))


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


def sequences_in(path: Path) -> list[list[SceneTruth]]:
    """The frames of each sequence in a file; raises InputError for another split."""
    truths, _ = read_truths(path)
    wrong = next((truth.key for truth in truths if not truth.key.startswith("val/")), None)
    if wrong is not None:
        raise InputError(f"{path} holds {wrong}: calibrate on validation sequences.")
    return [list(group) for _, group in groupby(truths, key=lambda truth: sequence_of(truth.key))]


def measure(takes: Sequence[Sequence[SceneTruth]], pipeline: Pipeline) -> list[Measured]:
    """Run the pipeline on every scene and sequence with its faults."""
    rows: list[Measured] = []
    for number, take in enumerate(tqdm(takes, unit="take")):
        other = takes[(number + 11) % len(takes)][0].object_spec
        rows.extend(play(take, number, other, pipeline))
    return rows


def play(take: Sequence[SceneTruth], number: int, other: str, pipeline: Pipeline) -> Iterator[Measured]:
    """The frames of a take that are measured; `other` is the object that is looked for by mistake."""
    first, body = take[0], free_body()
    rng = np.random.default_rng([2024, number])
    happen = dice(rng)
    spec = other if "other" in happen else first.object_spec
    if "size" in happen:
        spec = scaled_spec(spec, float(np.exp(rng.choice([-1, 1]) * rng.uniform(0.12, 0.4))))
    wrong = "other" in happen and spec.partition(":")[0] != first.object_spec.partition(":")[0]
    mean, slope = stature_of(body)
    config: PipelineConfig = replace(
        pipeline.config,
        gravity=[-float(x) for x in first.floor_normal] if "gravity" in happen else [],
        height_m=round(mean + float(first.betas @ slope), 2) if "height" in happen else 0.0,
    )
    pipeline = replace(pipeline, config=config).for_template(load_template(spec))
    state = None
    for place, truth in enumerate(take):
        # The same dice for each frame: a fault stays.
        bad, posed = faulty_frame(truth, place, happen, np.random.default_rng([2025, number]))
        soft = None if bad.human_mask is None else bad.human_mask.astype(np.float32)
        eyes = replace(pipeline.eyes, detector=GivenLandmarks(HumanObservation(bad.landmarks, soft)))
        prompt = bad.prompt if place == 0 else None
        result, state = replace(pipeline, eyes=eyes).step(bad.frame, state, prompt)
        if len(take) == 1 or (place + 1) % EVERY == 0:
            yield compared(result, truth, posed, number, happen, wrong)


def faulty_frame(
    truth: SceneTruth, place: int, happen: set[str], rng: np.random.Generator
) -> tuple[Seen, Posed]:
    """What perception says of one frame, with faults, and the truth."""
    body, true = free_body(), load_template(truth.object_spec)
    posed = pose_scene(truth, body, true)
    style = Style() if "own_object" in happen else None
    seen = observe_posed(truth, posed, body, true, style, whole_view(truth))
    black = np.zeros((truth.height, truth.width, 3), np.uint8)
    camera, stamp_ns = Camera(truth.K, truth.width, truth.height), round(place * 1e9 / RATE_HZ)
    rgb = black if seen.rgb is None else seen.rgb
    frame = Frame(rgb, camera, stamp_ns, name=truth.key, masks=seen.masks)
    return with_faults(frame, seen.landmarks, seen.object_mask, happen, rng), posed


def compared(
    result: Reconstruction, truth: SceneTruth, posed: Posed, take: int, happen: set[str], other: bool
) -> Measured:
    """The doubts of a result with its errors."""
    human, thing = (
        {k.partition("_doubt_")[2]: v for k, v in result.quality.items() if k.startswith(f"{who}_doubt_")}
        for who in ("human", "object")
    )
    about = truth.key, take, result.quality.get("warm", 0.0) > 0, sorted(happen)
    if result.human is None:
        return Measured(*about, {}, {})
    found = Measured(*about, human, thing, other=other)
    errors: dict[str, Any] = {}
    errors["mpjpe_mm"] = metrics.mpjpe_mm(result.human.joints[:BODY_JOINTS], posed.joints[:BODY_JOINTS])
    if result.object is not None and thing:
        T, true = result.object.T_cam_object, truth.T_cam_object
        symmetry = load_template(truth.object_spec).symmetry
        errors["turn_deg"] = metrics.rotation_error_deg(T[:3, :3], true[:3, :3], symmetry)
        errors["place_cm"] = metrics.translation_error_cm(
            T[:3, 3] - result.human.root, true[:3, 3] - posed.joints[0]
        )
    return replace(found, **errors)


if __name__ == "__main__":
    sys.exit(main())
