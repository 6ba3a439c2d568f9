"""`scorehoi synth`: generate synthetic interactions with their ground truth."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from scorehoi_ros.errors import InputError
from scorehoi_ros.files import sole_writer, write_json
from scorehoi_ros.synth.truth import SPLITS

if TYPE_CHECKING:
    from scorehoi_ros.synth.produce import Job, ShardRecipe

EXAMPLE = "scorehoi synth --split train --count 5000 --out synth_train"
SMALLEST_PX, LARGEST_PX = 64, 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to make, from what, and where it goes."""
    parser.add_argument(
        "--split",
        choices=SPLITS,
        default="train",
        help="bodies, objects and motions of a split are in no other (default train)",
    )
    parser.add_argument("--count", type=int, default=1000, help="single scenes (default 1000)")
    parser.add_argument(
        "--sequences", type=int, default=0, metavar="M", help="sequences of 2 to 6 s (default 0)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for shards, index, card and contact sheet",
    )
    parser.add_argument(
        "--views", type=int, default=1, metavar="N", help="cameras that see each single scene (default 1)"
    )
    parser.add_argument("--size", type=int, default=256, metavar="PX", help="side of the crops (default 256)")
    parser.add_argument(
        "--no-pictures",
        dest="pictures",
        action="store_false",
        help="leave the RGB images out and keep whole outlines: for training without them, twice as fast",
    )
    _add_sources(parser)
    parser.add_argument(
        "--workers", type=int, default=2, metavar="N", help="processes of one thread each (default 2)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep the shards of an earlier run that are whole and equal"
    )


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--poses",
        type=Path,
        metavar="FILE",
        help="pose corpus (.npz) instead of the small one that comes along",
    )
    parser.add_argument(
        "--backgrounds", type=Path, metavar="DIR", help="photographs to use as backgrounds besides drawn ones"
    )
    parser.add_argument(
        "--meshes", type=Path, metavar="DIR", help="mesh files to use as objects besides the parametric ones"
    )


def run(args: argparse.Namespace) -> int:
    """Make the shards, then index, card and sheet; 0, or 1 when a shard cannot be read back."""
    _check(args)
    with sole_writer(args.out):
        return _make(args)


def _make(args: argparse.Namespace) -> int:
    from scorehoi_ros.synth import card, produce

    recipe = produce.ShardRecipe(
        args.split, args.size, args.poses, args.backgrounds, args.meshes, args.views, args.pictures
    )
    told, jobs = recipe.told(), produce.plan(args.split, args.count, args.sequences)
    paths = [args.out / job.name for job in jobs]
    open_jobs = [j for j in jobs if not (args.resume and produce.kept(args.out / j.name, j, told))]
    started = time.perf_counter()
    made = make_shards(args.out, recipe, open_jobs, args.workers)
    seconds = time.perf_counter() - started
    total = produce.write_index(args.out, jobs, told)
    figures = card.collect(paths)
    values = card.write_card(args.out, told, figures)
    card.write_sheet(args.out / "sheet.png", paths)
    rate = made / seconds if made else 0.0
    sys.stdout.write(
        f"{total} views in {len(jobs)} shards in {args.out}: {len(jobs) - len(open_jobs)} shards kept, "
        f"{made} views made at {rate:.1f} per second. "
        f"See {args.out / 'card.md'} and {args.out / 'sheet.png'}\n"
    )
    if args.json:
        _write_results(args, values, made, seconds)
    return 1 if figures.skipped else 0


def make_shards(folder: Path, recipe: "ShardRecipe", jobs: "list[Job]", workers: int) -> int:
    """Run the jobs behind a progress bar; the number of new views."""
    from scorehoi_ros.synth import produce

    if not jobs:
        return 0
    expected = recipe.views * sum(job.count for job in jobs) if all(job.count for job in jobs) else None
    made = 0
    with tqdm(total=expected, unit="view", disable=None) as bar:

        def advance(count: int) -> None:
            nonlocal made
            made += count
            bar.update(count)

        produce.run_jobs(folder, jobs, recipe, min(workers, len(jobs)), advance)
    return made


def _check(args: argparse.Namespace) -> None:
    if args.count < 0 or args.sequences < 0 or args.count + args.sequences == 0:
        raise InputError(
            f"--count and --sequences must be 0 or more, and not both 0. "
            f"Got {args.count} and {args.sequences}."
        )
    if not SMALLEST_PX <= args.size <= LARGEST_PX:
        raise InputError(f"--size must be {SMALLEST_PX} to {LARGEST_PX} pixels. Got {args.size}.")
    for name in ("workers", "views"):
        if getattr(args, name) < 1:
            raise InputError(f"--{name} must be at least 1. Got {getattr(args, name)}.")
    for name, is_there in (("poses", Path.is_file), ("backgrounds", Path.is_dir), ("meshes", Path.is_dir)):
        path = getattr(args, name)
        if path is not None and not is_there(path):
            raise InputError(
                f"--{name} {path} does not exist. Give an existing {'file' if name == 'poses' else 'folder'}."
            )


def _write_results(args: argparse.Namespace, values: dict[str, Any], made: int, seconds: float) -> None:
    rate = round(made / seconds, 2) if made else None
    write_json(args.json, values | {"made": made, "seconds": round(seconds, 2), "scenes_per_second": rate})
