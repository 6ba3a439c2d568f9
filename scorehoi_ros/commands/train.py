"""`scorehoi train`: train the networks of a stage, from generated scenes to files of weights."""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorehoi_ros.commands.synth import make_shards
from scorehoi_ros.errors import InputError
from scorehoi_ros.files import sole_writer, write_json

if TYPE_CHECKING:
    from scorehoi_ros.train.recipe import Recipe

EXAMPLE = "scorehoi train stage1 --out weights --scenes 40000 --minutes 8 --device cuda --workers 16"
SIZES = ("live", "full", "paper")
VALIDATION_SCENES, VALIDATION_VIEWS = 1024, 2
MASK_PX, PICTURE_PX = 128, 256
"""Side of the crops without and with pictures."""
BATCH, LR = (
    {"stage1": 512, "stage2": 32, "correction": 48},
    {"stage1": 6e-4, "stage2": 1e-3, "correction": 6e-4},
)
SHARES = {"regressor": 1.0, "certainty": 0.05, "contact": 0.25, "mesh": 0.25}
"""Of --minutes: how long each phase trains; measuring and reading come on top."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to train, on what, for how long."""
    add = parser.add_argument
    add(
        "stage",
        choices=tuple(BATCH),
        help="stage1: geometry encoder, regressor, contact and mesh networks; on a stage1 that stays as it "
        "is, stage2: the denoiser, and correction: the corrector of aligned answers",
    )
    add("--out", type=Path, required=True, metavar="DIR", help="folder for weights, curves and metrics.json")
    add("--size", choices=SIZES, default="full", help="size of the regressor (default full)")
    add(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with the shards of `scorehoi synth` in train/ and val/; what is missing is generated "
        "(default: OUT/data)",
    )
    add("--scenes", type=int, default=3328, help="scenes to generate for training (default 3328)")
    add("--views", type=int, default=6, help="cameras that see each scene (default 6)")
    add("--poses", type=Path, metavar="FILE", help="pose corpus (.npz) for the scenes")
    add("--meshes", type=Path, metavar="DIR", help="mesh files to use as objects besides the parametric ones")
    add("--workers", type=int, default=2, help="processes that generate scenes and refine them (default 2)")
    add("--minutes", type=float, default=60.0, help="how long the network of the stage trains (default 60)")
    add("--batch", type=int, help="views in a step (default 512, 32, 48 for stage1, stage2, correction)")
    add("--lr", type=float, help="highest learning rate (default 6e-4, 1e-3, 6e-4)")
    add(
        "--weights",
        default="",
        metavar="DIR",
        help="weights of the stage1 that stays (default: the shipped ones)",
    )
    add("--init", type=Path, metavar="FILE", help="weights of the network of the stage to start from")
    add("--later", type=int, default=12000, help="views for certainty, contact and mesh (default 12000)")
    add("--validate", type=int, default=2000, help="views that everything is measured on (default 2000)")
    add("--seed", type=int, default=0, help="seed (default 0)")
    add("--device", default="cpu", help="torch device: cpu or cuda (default cpu)")


def run(args: argparse.Namespace) -> int:
    """Generate what is missing, train, print the measures; 0.  Run it again to go on where it stopped."""
    from scorehoi_ros.load import check_device

    args.batch = BATCH[args.stage] if args.batch is None else args.batch
    args.lr = LR[args.stage] if args.lr is None else args.lr
    _check(args)
    check_device(args.device)
    with sole_writer(args.out):
        return _train(args)


def _train(args: argparse.Namespace) -> int:
    data = args.data or args.out / "data"
    _generate(data / "train", "train", args.scenes, args.views, args)
    _generate(data / "val", "val", VALIDATION_SCENES, VALIDATION_VIEWS, args)
    measures = {"stage1": _stage1, "stage2": _stage2, "correction": _correction}[args.stage](data, args)
    sys.stdout.write(json.dumps(measures, indent=1) + "\n")
    if args.json:
        write_json(args.json, measures)
    return 0


def _stage1(data: Path, args: argparse.Namespace) -> dict[str, Any]:
    from scorehoi_ros.train.stage1 import Recipe, train_stage1

    recipe = Recipe(
        size=args.size,
        seconds={phase: 60 * share * args.minutes for phase, share in SHARES.items()},
        batch=args.batch,
        lr=args.lr,
        seed=args.seed,
        device=args.device,
        later=args.later,
        validation=args.validate,
        start=args.init,
    )
    return train_stage1(data, args.out, recipe)


def _stage2(data: Path, args: argparse.Namespace) -> dict[str, Any]:
    from scorehoi_ros.train.stage2 import train_stage2

    return train_stage2(data, args.out, _on_stage1(args))


def _correction(data: Path, args: argparse.Namespace) -> dict[str, Any]:
    from scorehoi_ros.train.correction import train_correction

    return train_correction(data, args.out, _on_stage1(args), args.workers)


def _on_stage1(args: argparse.Namespace) -> "Recipe":
    from scorehoi_ros.train.recipe import Recipe

    return Recipe(
        size=args.size,
        seconds=60 * args.minutes,
        batch=args.batch,
        lr=args.lr,
        seed=args.seed,
        device=args.device,
        weights=args.weights,
        validation=args.validate,
        start=args.init,
    )


def _generate(folder: Path, split: str, scenes: int, views: int, args: argparse.Namespace) -> None:
    """Make the shards of a split, unless the folder is finished; raises InputError when it holds others."""
    from scorehoi_ros.synth import produce
    from scorehoi_ros.synth.storage import INDEX, shard_paths

    pictures = args.size == "paper"
    recipe = produce.ShardRecipe(
        split,
        PICTURE_PX if pictures else MASK_PX,
        poses=args.poses,
        meshes=args.meshes,
        views=views,
        pictures=pictures,
    )
    told, jobs = recipe.told(), produce.plan(split, scenes, 0)
    if not (folder / INDEX).is_file():
        missing = [j for j in jobs if not produce.kept(folder / j.name, j, told)]
        with sole_writer(folder):
            make_shards(folder, recipe, missing, args.workers)
            produce.write_index(folder, jobs, told)
        return
    made = json.loads((folder / INDEX).read_text(encoding="utf-8"))["recipe"]
    if args.data is None and (made != told or len(shard_paths(folder)) != len(jobs)):
        raise InputError(
            f"{folder} was made with other options. Give the same --scenes, --views, --poses and --meshes to "
            "go on, choose another --out, or name the folder with --data to train on it as it is."
        )


def _check(args: argparse.Namespace) -> None:
    wrong: dict[str, Any] = {
        name: getattr(args, name)
        for name in ("scenes", "views", "workers", "minutes", "batch", "lr", "later", "validate")
        if not 0 < getattr(args, name) < math.inf
    }
    if wrong:
        name, value = next(iter(wrong.items()))
        raise InputError(f"--{name} must be a number above 0. Got {value}.")
    if args.validate < 2:
        raise InputError("--validate must be at least 2: one half calibrates, the other is drawn.")
