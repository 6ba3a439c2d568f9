"""Draw how one frame of a validation scene is refined: energy, contact and errors at each step.

    scorehoi synth --split val --count 160 --views 2 --size 128 --no-pictures --out VAL
    python tools/plot_refinement.py VAL --scene 12

The kept hypothesis is drawn bold, the others thin; grey lines are ends of rounds, after which contacts are
predicted anew.  The energy is that of the terms that guide, without the prior.  Errors are those of
`scorehoi eval`, of the state at each step.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from refinement_scenes import errors, samples_in, told

from scorehoi_ros.alignment.weights import TERMS
from scorehoi_ros.config.methods import RECIPE_NAMES
from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.errors import InputError
from scorehoi_ros.files import whole_file
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.methods.regress.memory import Memory
from scorehoi_ros.methods.regress.method import in_camera
from scorehoi_ros.methods.score.method import build_recipe
from scorehoi_ros.methods.score.recipe import RECIPES
from scorehoi_ros.methods.score.sampling import Step

DEFAULT = Path(__file__).parents[1] / "docs" / "images" / "refinement.png"
PANELS = (
    ("contact F", ("contact_f",)),
    ("Chamfer distance, cm", ("cd_human_cm", "cd_object_cm")),
    ("error of joints, and penetration, mm", ("mpjpe_mm", "penetration_mm")),
    ("error of the object", ("object_rot_deg", "object_rel_cm")),
)
NAMES = {
    "contact_f": "F",
    "cd_human_cm": "human",
    "cd_object_cm": "object",
    "mpjpe_mm": "joints",
    "penetration_mm": "penetration",
    "object_rot_deg": "rotation, degrees",
    "object_rel_cm": "from the pelvis, cm",
}
LEAST_SHARE = 0.02
"""Terms that never make up this share of the first energy are not drawn."""


@dataclass(frozen=True)
class Refinement:
    """All steps of one frame, for each hypothesis."""

    key: str
    numbers: list[int]
    """Round of each step."""
    terms: np.ndarray
    """(K, H, 12)"""
    errors: dict[str, np.ndarray]
    """(K, H) of each metric."""
    kept: int


def main() -> int:
    """Refine, print the figures of the kept hypothesis at the ends of rounds, and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="VAL", help="validation shards of `scorehoi synth`")
    parser.add_argument("--scene", type=int, default=0, help="number of the scene (default 0)")
    parser.add_argument("--method", choices=RECIPE_NAMES, default="score", help="default score")
    parser.add_argument("--rounds", type=int, help="N; default that of the method")
    parser.add_argument("--out", type=Path, default=DEFAULT, help="PNG to write (default docs/images/...)")
    args = parser.parse_args()
    sample = next(islice(samples_in(args.folder), args.scene, None), None)
    if sample is None:
        raise InputError(f"{args.folder} has no scene {args.scene} that shows both. Take a smaller number.")
    found = refinement(sample, load_pipeline(), args.method, args.rounds)
    sys.stdout.write("\n".join(lines_of(found)) + "\n")
    draw(found, args.out)
    return 0


def refinement(sample: Sample, pipeline: Pipeline, method: str, rounds: int | None) -> Refinement:
    """Every step of one frame, measured; raises InputError where the pipeline refines nothing."""
    steps: list[Step] = []
    recipe = RECIPES[method] if rounds is None else replace(RECIPES[method], rounds=rounds)
    tracing = replace(
        pipeline,
        make_method=lambda body, template, config: build_recipe(body, template, config, recipe, steps.append),
    )
    now = told(tracing, sample)
    _, state = now.step(sample.frame, None)
    memory = state.memory
    if not isinstance(memory, Memory) or memory.estimate.object is None:
        raise InputError(f"{sample.key} shows too little to refine. Take another scene.")
    view, hypotheses = memory.said.view, range(len(steps[0].state.root))

    def measured(step: Step, row: int) -> dict[str, float]:
        return errors(sample, now, in_camera(step.state, row, view, None, thing=True))

    rows = [[measured(step, h) for h in hypotheses] for step in steps]
    ends = view.R_cam_view @ steps[-1].state.origin.numpy().T
    return Refinement(
        sample.key,
        [step.number for step in steps],
        np.stack([step.terms for step in steps]),
        {name: np.array([[row[name] for row in step] for step in rows]) for name in NAMES},
        int(np.linalg.norm(ends.T - memory.estimate.object.origin, axis=1).argmin()),
    )


def lines_of(found: Refinement) -> list[str]:
    """The kept hypothesis at the start and at the end of each round."""
    places = [0, *ends_of(found.numbers)]
    lines = [f"{found.key}, hypothesis {found.kept} of {found.terms.shape[1]} is kept", "step  energy"]
    lines[-1] += "".join(f"{name:>16s}" for name in NAMES)
    for place in places:
        values = [found.errors[name][place, found.kept] for name in NAMES]
        energy = found.terms[place, found.kept].sum()
        lines.append(f"{place:4d} {energy:7.1f}" + "".join(f"{v:16.2f}" for v in values))
    return lines


def ends_of(numbers: Sequence[int]) -> list[int]:
    """Place of the last step of each round."""
    return [k for k, (a, b) in enumerate(zip(numbers, [*numbers[1:], -1], strict=True)) if a != b]


def draw(found: Refinement, path: Path) -> None:
    """Five panels as PNG with few colours."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=(11, 5.8), dpi=90, layout="constrained")
    parts: Any = figure.subfigures(1, 2, width_ratios=(1, 1.4))
    left, right = parts
    axes = left.subplots()
    for name, values in zip(TERMS, found.terms[:, found.kept].T, strict=True):
        if values.max() > LEAST_SHARE * found.terms[0, found.kept].sum():
            axes.plot(values, label=name.replace("_", " "))
    axes.plot(found.terms[:, found.kept].sum(1), color="black", linewidth=2, label="sum")
    axes.set(title=f"{found.key}: energy", xlabel="step", yscale="symlog", ylim=(0, None))
    axes.legend(fontsize=8, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    _rounds(axes, found)
    for axes, (title, names) in zip(right.subplots(2, 2).flat, PANELS, strict=True):
        for colour, name in zip(("tab:blue", "tab:orange"), names, strict=False):
            axes.plot(found.errors[name], color=colour, linewidth=0.6, alpha=0.5)
            axes.plot(found.errors[name][:, found.kept], color=colour, linewidth=2, label=NAMES[name])
        axes.set_title(title, fontsize=10)
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=8)
        _rounds(axes, found)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]).quantize(
        256, dither=Image.Dither.NONE
    )
    with whole_file(path) as temporary:
        picture.save(temporary, format="png", optimize=True)


def _rounds(axes: Any, found: Refinement) -> None:
    for place in ends_of(found.numbers)[:-1]:
        axes.axvline(place + 0.5, color="0.7", linewidth=1)


if __name__ == "__main__":
    sys.exit(main())
