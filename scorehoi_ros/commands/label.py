"""`scorehoi label`: a video, images or a bag in; meshes, poses, contacts, pictures and one MCAP out."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scorehoi_ros.commands.options import (
    add_config_options,
    add_options,
    config_from_args,
    from_args,
    positive,
)
from scorehoi_ros.commands.progress import show_progress
from scorehoi_ros.config.inputs import InputConfig
from scorehoi_ros.config.outputs import OutputConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.files import write_json
from scorehoi_ros.frame.session import Build
from scorehoi_ros.io.calibration.file import camera_numbers
from scorehoi_ros.io.images import list_images
from scorehoi_ros.io.source import open_source
from scorehoi_ros.label.labeller import LabelJob, label, refuse_overwriting
from scorehoi_ros.label.outputs import Draw
from scorehoi_ros.label.report import readable
from scorehoi_ros.objects.families import is_family_spec
from scorehoi_ros.types import Status

EXAMPLE = "scorehoi label clip.mp4 --object ball:0.22 --camera 900,900,640,360 --out labels"
INTERRUPTED = 130
UNHURRIED = {"regress.network_period_s": 0.0}
"""Defaults of the node that are other ones here, where nobody waits: the network is asked at every frame."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Input, outputs, and every setting of the pipeline."""
    add = parser.add_argument
    add(
        "input",
        metavar="INPUT",
        help="video, image, folder of images, rosbag2 folder, .mcap or .db3 file (also packed by zstd)",
    )
    add(
        "--out", required=True, metavar="DIR", help="folder for frames/, overlays/, labels.mcap, summary.json"
    )
    add(
        "--object",
        action="append",
        default=[],
        metavar="T",
        help='object template: a family ("box:0.40x0.30x0.25", "ball:0.22"), a mesh file, or '
        "an .xyz of 64 points; for images of different objects repeat it as STEM=T; left out = human only",
    )
    add(
        "--masks",
        metavar="DIR",
        help="masks <name>_human.* and <name>_object.* (images or JSON; frames of videos are named 000000), "
        "or a COCO file; docs/masks.md",
    )
    add(
        "--independent",
        action="store_true",
        help="unrelated photos: start every frame afresh (with STEM=T: always)",
    )
    add("--limit", type=positive, metavar="N", help="stop after N frames")
    add("--stride", type=positive, default=1, metavar="N", help="take every N-th frame")
    add("--rate", type=float, default=1.0, metavar="HZ", help="images a second in a folder (default 1)")
    add(
        "--resume",
        action="store_true",
        help="go on where a run with the same options was stopped or killed, as if it had not been",
    )
    add("--no-overlay", action="store_true", help="no pictures and no video")
    _add_settings(parser)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Options that are parameters of the node, too."""
    inputs = parser.add_argument_group("inputs", "the camera; for bags also topics and how they are joined")
    inputs.add_argument(
        "--image-topic", default="", metavar="TOPIC", help="camera images; empty = found by name"
    )
    add_options(inputs, InputConfig)
    add_options(parser.add_argument_group("outputs"), OutputConfig)
    add_config_options(parser, skip=("object",), defaults=UNHURRIED)


def run(args: argparse.Namespace) -> int:
    """Label with the real pipeline; 0 when done, 130 when interrupted.

    Raises InputError (2) also when a damaged input is labelled in part; what is whole is written then.
    """
    from scorehoi_ros.load import load_pipeline
    from scorehoi_ros.render.overlay import panel

    return run_with(args, load_pipeline, panel)


def run_with(args: argparse.Namespace, build: Build, draw: Draw) -> int:
    """Label with the given pipeline and painter."""
    job = job_from_args(args)
    summary = label(job, build, draw, show_progress)
    sys.stdout.write(readable(summary) + f"\nwritten  {job.out}\n")
    if args.json:
        write_json(args.json, summary)
    if summary["interrupted"]:
        sys.stderr.write(
            f"scorehoi label: interrupted; {summary['frames_out']} frames are complete, and --resume goes on "
            "after them\n"
        )
        return INTERRUPTED
    if summary["status"][Status.BAD_INPUT.name] == summary["frames_out"]:
        raise InputError(f"no frame of {args.input} could be used. {_why_nothing(summary)}")
    if summary["losses"]:
        raise InputError(f"{args.input} is labelled in part. {' '.join(summary['losses'])}")
    return 0


def _why_nothing(summary: dict[str, Any]) -> str:
    rows = summary["frames"]
    return f"The first one: {rows[0]['message']}" if rows else "It holds none."


def job_from_args(args: argparse.Namespace) -> LabelJob:
    """Check the options and open the input; raises InputError, CameraError or OutputError."""
    default, objects = parse_objects(args.object)
    out = Path(args.out)
    refuse_overwriting(Path(args.input), out)
    inputs = from_args(args, InputConfig)
    if inputs.camera:
        camera_numbers(inputs.camera)
    config = config_from_args(args, object=default)
    if config.object_up and not default:
        raise InputError("--object-up is the up axis of the object of --object T, and there is none.")
    source = open_source(
        args.input,
        masks_dir=Path(args.masks) if args.masks else None,
        image_topic=args.image_topic,
        inputs=inputs,
        rate_hz=args.rate,
    )
    if objects and source.kind != "images":
        raise InputError(
            f"--object STEM=T is for images. {args.input} is a {source.kind}: give --object T once."
        )
    if objects:
        _check_stems(Path(args.input), objects)
    independent, smoothing_s = args.independent or bool(objects), from_args(args, OutputConfig).smoothing_s
    if smoothing_s and independent:
        raise InputError(
            "--smoothing-s is for frames that follow each other, and these are unrelated photos."
        )
    return LabelJob(
        source,
        config,
        out,
        objects,
        independent=independent,
        smoothing_s=smoothing_s,
        overlays=not args.no_overlay,
        limit=args.limit,
        stride=args.stride,
        facts={"input": args.input, "kind": source.kind, "objects": args.object, "options": _options(args)},
        resume=args.resume,
    )


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """What decides the results besides the settings of the pipeline."""
    names = ("masks", "independent", "limit", "stride", "rate", "no_overlay", "image_topic")
    settings = asdict(from_args(args, InputConfig)) | asdict(from_args(args, OutputConfig))
    return {name: getattr(args, name) for name in names} | settings


def parse_objects(values: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Object for all frames and objects by image stem, from `T` and `STEM=T`.

    A file or a family's "box:width=0.4" is a `T` whose equals sign is its own.
    """
    default, by_stem = "", {}
    for value in values:
        stem, separator, spec = value.partition("=")
        of_family = ":" in stem and is_family_spec(stem)
        if separator and not (of_family or Path(value).exists()):
            by_stem[stem] = spec
        elif default:
            raise InputError(f"--object was given twice without a stem: {default} and {value}. Write STEM=T.")
        else:
            default = value
    return default, by_stem


def _check_stems(path: Path, objects: Mapping[str, str]) -> None:
    stems = {file.stem for file in ([path] if path.is_file() else list_images(path))}
    unknown = sorted(set(objects) - stems)
    if unknown:
        raise InputError(
            f"--object {unknown[0]}=...: {path} holds no image of that name. "
            f"STEM is a file name without its suffix, such as {min(stems)}."
        )
