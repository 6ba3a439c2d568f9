"""What faults of given masks cost: errors of a method on validation scenes, beside those of clean masks.

    scorehoi synth --split val --count 1024 --views 2 --size 128 --no-pictures --out VAL
    python tools/measure_mask_faults.py VAL --count 120

One view of each scene, drawn anew, with the masks of a simulated segmenter, altered as in `mask_faults.py`.
The detector's own mask of the person is another draw of the same simulation.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from calibrate_status import truths_in
from mask_faults import FAULTS, Shown
from refinement_scenes import arguments
from tqdm import tqdm

from scorehoi_ros.body.load import free_body
from scorehoi_ros.datasets.dataset import Human, Sample, Truth
from scorehoi_ros.evaluate.methods import GivenLandmarks, answer_from, blind_human
from scorehoi_ros.evaluate.scores import score
from scorehoi_ros.files import write_json
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.synth.picture.photograph import Style
from scorehoi_ros.synth.picture.posed import pose_scene
from scorehoi_ros.synth.sensor.mask_noise import HUMAN, disturb
from scorehoi_ros.synth.sensor.observe import Observation, observe_posed, whole_view
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.types import Camera, Frame, HumanObservation, Masks

COLUMNS = {
    "cd_human_cm": "CD person cm",
    "cd_object_cm": "CD object cm",
    "mpjpe_mm": "MPJPE mm",
    "object_rot_deg": "rotation deg",
    "object_rel_cm": "place cm",
    "p_human": "p person",
    "p_object": "p object",
    "human_score": "score person",
    "object_score": "score object",
}
LEAST_PX = 300
"""Objects that show fewer pixels are left out: nobody gives a mask of them."""

Row = Mapping[str, float]


def main() -> int:
    """Print the table."""
    parser = arguments(__doc__, 120)
    parser.add_argument("--method", default="regress", help="method of the pipeline (default regress)")
    parser.add_argument("--faults", default=",".join(FAULTS), help="names separated by commas (default all)")
    parser.add_argument(
        "--pictures", action="store_true", help="draw pictures (slow), where colours are used"
    )
    parser.add_argument("--rows", type=Path, metavar="FILE", help="writes what was measured, a row a frame")
    args = parser.parse_args()
    names = ["clean", *(n for n in args.faults.split(",") if n != "clean")]
    truths = truths_in(args.folder)[args.first : args.first + args.count]
    style = Style() if args.pictures else None
    rows = measure(truths, load_pipeline(method=args.method), names, style)
    if args.rows is not None:
        write_json(args.rows, rows)
    sys.stdout.write("\n".join(table(rows, names)) + "\n")
    return 0


def measure(
    truths: Iterable[SceneTruth], pipeline: Pipeline, names: list[str], style: Style | None
) -> dict[str, list[Row]]:
    """A row for each scene and fault; scenes that hardly show the object are left out."""
    rows: dict[str, list[Row]] = {name: [] for name in names}
    for number, truth in enumerate(tqdm(truths, unit="scene")):
        body, template = free_body(), load_template(truth.object_spec)
        posed = pose_scene(truth, body, template)
        seen = observe_posed(truth, posed, body, template, style, whole_view(truth))
        if seen.object_mask.sum() < LEAST_PX or seen.masks.object is None or seen.masks.human is None:
            continue
        now = pipeline.for_template(template)
        known = Truth(Human(posed.vertices, body.faces, posed.joints), truth.T_cam_object, template)
        for name in names:
            rng = np.random.default_rng([truth.seed, 41])
            masks = FAULTS[name](_shown(seen), rng)
            rows[name].append(one(truth, seen, masks, now, known, number))
    return rows


@cache
def _blind() -> Human:
    return blind_human(free_body())


def _shown(seen: Observation) -> Shown:
    assert seen.masks.human is not None and seen.masks.object is not None
    ys, xs = np.nonzero(seen.human_mask | seen.object_mask)
    side = 1.4 * max(np.ptp(ys), np.ptp(xs)) + 1
    return Shown(seen.masks.human, seen.masks.object, seen.human_whole, seen.object_whole, float(side) / 256)


def one(
    truth: SceneTruth, seen: Observation, masks: Masks, pipeline: Pipeline, known: Truth, number: int
) -> Row:
    """Errors of one frame with these masks."""
    rgb = np.zeros((truth.height, truth.width, 3), np.uint8) if seen.rgb is None else seen.rgb
    frame = Frame(rgb, Camera(truth.K, truth.width, truth.height), 0, name=truth.key, masks=masks)
    own = disturb(seen.human_mask, seen.object_mask, HUMAN, np.random.default_rng([truth.seed, 42]))
    person = HumanObservation(seen.landmarks, own.astype(np.float32))
    now = replace(pipeline, eyes=replace(pipeline.eyes, detector=GivenLandmarks(person)))
    result, _ = now.step(frame, None)
    answer = answer_from(result, now.body.faces, 0.0)
    scores = score(Sample(truth.key, frame, known), answer, _blind())
    told = {
        "p_human": 0.0 if result.human is None else result.human.confidence,
        "p_object": 0.0 if result.object is None else result.object.confidence,
        "human_score": result.masks.human_score,
        "object_score": result.masks.object_score,
        "number": float(number),
    }
    return {name: v for name, v in {**scores, **told}.items() if v is not None}


def table(rows: Mapping[str, list[Row]], names: list[str]) -> list[str]:
    """Lines in Markdown: means over all frames."""
    lines = [
        f"{len(rows['clean'])} frames",
        "| masks | " + " | ".join(COLUMNS.values()) + " |",
        "|---" * (len(COLUMNS) + 1) + "|",
    ]
    for name in names:
        means = [float(np.mean([row[c] for row in rows[name]])) for c in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(f"{m:.2f}" for m in means) + " |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
