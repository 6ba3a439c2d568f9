"""`scorehoi node`: the ROS 2 node without launch."""

import argparse
from pathlib import Path

from scorehoi_ros.errors import InputError, MissingExtraError

EXAMPLE = "scorehoi node --object ball:0.22 --image-topic /camera/image_raw"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The most used parameters as options; everything else goes behind --ros-args."""
    parser.add_argument("--object", metavar="SPEC", help="object template: family, mesh file or .xyz")
    parser.add_argument("--image-topic", metavar="TOPIC", help="topic of the camera images")
    parser.add_argument("--params-file", metavar="FILE", help="YAML file of ROS parameters")
    parser.add_argument(
        "--ros-args",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="...",
        help="ROS arguments, up to the end of the line: -p name:=value, -r from:=to, --log-level debug",
    )


def run(args: argparse.Namespace) -> int:
    """Run until interrupted; raises InputError or MissingExtraError when it cannot start."""
    try:
        from scorehoi_ros.ros.app import run_node
    except ImportError as error:
        raise MissingExtraError(
            f"the node needs ROS 2 and this package's built messages ({error}). "
            "Run `make setup` in the repository, or build the package with colcon and source the workspace."
        ) from error
    from scorehoi_ros.load import load_pipeline

    return run_node(load_pipeline, ros_arguments(args))


def ros_arguments(args: argparse.Namespace) -> list[str]:
    """The options as ROS arguments; what stands behind --ros-args comes last."""
    result = ["--ros-args"]
    if args.params_file:
        if not Path(args.params_file).is_file():
            raise InputError(f"there is no parameter file {args.params_file}.")
        result += ["--params-file", args.params_file]
    for name in ("object", "image_topic"):
        value = getattr(args, name)
        if value:
            result += ["-p", f"{name}:={value}"]
    return result + list(args.ros_args)
