"""`scorehoi demo`: a clip through player, node and recorder over DDS, with true errors at the end."""

import argparse
import sys
from pathlib import Path
from typing import Any

from scorehoi_ros.commands.options import add_config_options, config_from_args, positive
from scorehoi_ros.config.option import attribute_name, settings_of
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.files import sole_writer, write_json

EXAMPLE = "scorehoi demo --out out/demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Input, playing, and every setting of the pipeline."""
    add = parser.add_argument
    add(
        "--out",
        required=True,
        metavar="DIR",
        help="folder for overlay.mp4, sheet.png, labels.mcap, summary.json",
    )
    add(
        "--input",
        metavar="INPUT",
        help="your own video, folder of images or bag; left out = a rendered clip with known truth",
    )
    add("--camera", metavar="C", help="fx,fy,cx,cy in pixels or a calibration file (with --input)")
    add("--masks", metavar="DIR", help="masks <name>_human.* and <name>_object.* (with --input)")
    add("--image-topic", default="", metavar="T", help="the camera of a bag with several (with --input)")
    add("--limit", type=positive, metavar="N", help="only the first N frames (with --input)")
    add(
        "--rate",
        type=float,
        default=1.0,
        metavar="X",
        help="playing speed, 1 = as recorded (default); what the node cannot follow is dropped and counted",
    )
    add(
        "--lockstep",
        action="store_true",
        help="publish each image after the result of the one before: nothing is dropped, nothing is live",
    )
    add_config_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run the demo; 0 when done.  Raises ScorehoiError with the reason when a part fails."""
    from scorehoi_ros.demo.report import table
    from scorehoi_ros.demo.run import run_demo

    job = job_from_args(args)
    with sole_writer(job.out):
        summary = run_demo(job)
    if args.json:
        write_json(args.json, summary)
    sys.stdout.write(table(summary) + f"\nwritten  {args.out}\n")
    return 0


def job_from_args(args: argparse.Namespace) -> Any:
    """Check the options; raises InputError."""
    from scorehoi_ros.demo.processes import Playing
    from scorehoi_ros.demo.run import DemoJob

    if not args.rate > 0:
        raise InputError(f"--rate must be above 0. Got {args.rate}.")
    if args.input is None and (args.camera or args.masks or args.limit or args.image_topic):
        raise InputError("--camera, --masks, --image-topic and --limit belong to --input. Give --input too.")
    config_from_args(args)  # refuses what is out of range
    return DemoJob(
        Path(args.out),
        chosen_settings(args),
        Playing(args.rate, args.lockstep),
        Path(args.input) if args.input else None,
        args.camera,
        Path(args.masks) if args.masks else None,
        args.limit,
        args.image_topic,
    )


def chosen_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Parameters of the node, by dotted name, that differ from their defaults."""
    values = vars(args)
    every = [(s.name, values[attribute_name(s.name)], s.default) for s in settings_of(PipelineConfig)]
    return {name: value for name, value, default in every if value != default}
