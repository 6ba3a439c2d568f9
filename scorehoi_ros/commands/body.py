"""`scorehoi body`: build the free body's file or the pose prior, or say what is in a body file."""

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Any

from scorehoi_ros.errors import InputError
from scorehoi_ros.files import write_json

EXAMPLE = "scorehoi body info --body SMPLH_NEUTRAL.npz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Actions and their files."""
    parser.add_argument(
        "action", choices=("build", "prior", "info"), help="what to build, or describe a body"
    )
    parser.add_argument(
        "--out", metavar="FILE", help="build, prior: file to write (default: the shipped file's name)"
    )
    parser.add_argument("--poses", metavar="FILE", help="prior: pose corpus (.npz: poses, clip, clips)")
    parser.add_argument("--body", metavar="FILE", default="", help="info: body file (default: the free body)")


def run(args: argparse.Namespace) -> int:
    """Build or describe; the facts go to the standard output and to --json."""
    actions = {
        "build": lambda: _build(Path(args.out or "body_anny.npz")),
        "prior": lambda: _prior(args.poses, Path(args.out or "pose_prior.safetensors")),
        "info": lambda: _info(args.body),
    }
    facts = actions[args.action]()
    for name, value in facts.items():
        sys.stdout.write(f"{name:18} {value}\n")
    if args.json:
        write_json(args.json, facts)
    return 0


def _prior(poses: str | None, out: Path) -> dict[str, Any]:
    from scorehoi_ros.interaction.pose_prior import build_prior

    if not poses:
        raise InputError(
            "`scorehoi body prior` needs --poses FILE: a pose corpus (.npz with poses, clip, clips)."
        )
    build_prior(Path(poses), out)
    return {"file": str(out), "sha256": hashlib.sha256(out.read_bytes()).hexdigest()}


def _build(out: Path) -> dict[str, Any]:
    from scorehoi_ros.body.anny_build import build_body
    from scorehoi_ros.body.asset_file import write_asset
    from scorehoi_ros.body.model import validate_body

    model, meta = build_body()
    write_asset(out, validate_body(model, "the built body"), meta)
    content = out.read_bytes()
    facts = {name: value for name, value in meta.items() if name != "anchors"}
    return {"file": str(out), "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), **facts}


def _info(path: str) -> dict[str, Any]:
    import numpy as np

    from scorehoi_ros.body.load import load_body

    model = load_body(path)
    counts = np.bincount(model.regions, minlength=len(model.region_names))
    return {
        "name": model.name,
        "version": model.version,
        "vertices": len(model.v_template),
        "faces": len(model.faces),
        "joints": len(model.joint_names),
        "betas": model.shapedirs.shape[2],
        "pose_correctives": model.posedirs is not None,
        "height_m": round(float(np.ptp(model.v_template[:, 1])), 3),
        "regions": {name: int(count) for name, count in zip(model.region_names, counts, strict=True)},
    }
