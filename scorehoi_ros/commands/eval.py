"""`scorehoi eval`: measure methods on a data set with the metrics of the papers."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scorehoi_ros import __version__
from scorehoi_ros.commands.options import add_config_options, config_from_args, positive
from scorehoi_ros.commands.progress import show_progress
from scorehoi_ros.config.methods import METHOD_NAMES, RECIPE_NAMES
from scorehoi_ros.datasets.dataset import Dataset, Human
from scorehoi_ros.datasets.registry import DATASETS, open_dataset
from scorehoi_ros.errors import InputError
from scorehoi_ros.evaluate.ablation import TABLES
from scorehoi_ros.files import refuse_unwritable, write_json

if TYPE_CHECKING:
    from scorehoi_ros.evaluate.methods import Method
    from scorehoi_ros.evaluate.run import Report
    from scorehoi_ros.evaluate.variants import Variant

EXAMPLE = "scorehoi eval --method fit,mean-pose,truth --dataset synhoi-test --limit 100 --plot eval.png"
INTERRUPTED = 130
BASE = "score"
LANDMARK_NOTES = {
    "given": "landmarks: those of the data where it has them, and then ms/frame leaves the detector out",
    "detector": "landmarks: found by the real detector, whose time is part of ms/frame",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which methods, which frames, where the results go."""
    add = parser.add_argument
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--method",
        dest="methods",
        metavar="A,B,...",
        help=f"methods: {', '.join(METHOD_NAMES)}, truth, mean-pose",
    )
    what.add_argument(
        "--table",
        choices=TABLES,
        help="in place of methods: a table of the ScoreHOI paper, its rows compared with the full method",
    )
    add("--base", choices=RECIPE_NAMES, help=f"the full method of --table (default {BASE})")
    add("--dataset", default="synhoi-test", metavar="NAME", help=f"one of {', '.join(DATASETS)}")
    add("--root", metavar="DIR", help="folder of a licensed data set, in its published layout")
    add("--split", default="test", choices=("test", "train", "all"), help="part of it (default test)")
    add("--limit", type=positive, metavar="N", help="N single frames, evenly spread over all of them")
    add(
        "--sequences",
        type=positive,
        metavar="M",
        help="M sequences besides (default: all when nothing is limited and they hold other frames, else 0)",
    )
    add(
        "--body-models",
        metavar="DIR",
        help="folder with the SMPL-H or SMPL-X files that the truth of a licensed data set needs",
    )
    add(
        "--landmarks",
        default="given",
        choices=("given", "detector"),
        help="given: those that come with the data, where there are any; detector: always the real detector",
    )
    add("--by-group", action="store_true", help="print the main numbers for each kind of frame too")
    add("--no-cache", action="store_true", help="do not keep rendered images of synhoi-test")
    add("--plot", metavar="F.png", help="write a picture of the main metrics")
    add_config_options(parser, skip=("object", "object_up", "prompt_box", "gravity", "method"))


def run(args: argparse.Namespace) -> int:
    """Print the tables; 0 when done, 130 when interrupted (with the results so far)."""
    from scorehoi_ros.evaluate import methods, tables, variants

    if args.base and not args.table:
        raise InputError("--base names the full method of a table. Give --table too, or name it in --method.")
    names = [] if args.table else methods.parse_methods(args.methods)
    rows = variants.variants_of(args.table, args.base or BASE) if args.table else []
    if args.plot and not args.plot.lower().endswith(".png"):
        raise InputError(f"--plot writes PNG. Got {args.plot}, expected a name that ends with .png.")
    if args.plot:
        refuse_unwritable(args.plot)
    dataset = open_dataset(
        args.dataset, args.root, split=args.split, body_models=args.body_models, cache=not args.no_cache
    )
    config = config_from_args(args)
    setting = methods.Setting(config, methods.body_of(config), args.landmarks == "given")
    built = variants.make_variants(rows, setting) if rows else methods.make_methods(names, setting)
    report = _measure(args, dataset, built, methods.blind_human(setting.body))
    text, details = _told(args, rows, report)
    sys.stdout.write(text + "\n")
    if args.by_group:
        lines = [line for row in report.rows for line in ("", *tables.group_lines(row))]
        sys.stdout.write("\n".join(lines) + "\n")
    if args.json:
        settings = settings_of(args, setting.body.version)
        write_json(args.json, tables.as_json(report, settings) | details)
    if args.plot:
        tables.write_plot(report, args.plot)
    return INTERRUPTED if report.interrupted else 0


def _measure(
    args: argparse.Namespace, dataset: Dataset, built: Mapping[str, "Method"], blind: Human
) -> "Report":
    """Run the methods, and free what they hold."""
    from scorehoi_ros.evaluate.run import evaluate

    try:
        return evaluate(
            dataset, built, blind, limit=args.limit, sequences=args.sequences, progress=show_progress
        )
    finally:
        for method in built.values():
            method.close()


def _told(
    args: argparse.Namespace, rows: Sequence["Variant"], report: "Report"
) -> tuple[str, dict[str, Any]]:
    """The text, and what a table of the paper (whose rows are given) adds to the JSON."""
    from scorehoi_ros.evaluate import ablation_text, tables

    notes = [LANDMARK_NOTES[args.landmarks]]
    if not rows:
        return tables.readable(report, notes), {}
    table = ablation_text.Table(args.table, rows, report)
    return ablation_text.readable(table, notes), {"table": ablation_text.as_json(table)}


def settings_of(args: argparse.Namespace, body_version: str) -> dict[str, Any]:
    """What another run needs to give the same numbers."""
    left_out = ("command", "run", "json", "plot", "root", "body_models")
    shown = {name: value for name, value in vars(args).items() if name not in left_out}
    return shown | {"scorehoi_ros": __version__, "body_version": body_version}
